// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		began := time.Now()
		type pulse struct {
			took time.Duration
			err  error
		}
		done := make(chan pulse, 1)
		go func() {
			took, err := c.Heartbeat(t.Context())
			done <- pulse{took, err}
		}()
		m := w.next()
		// Byte for byte what rpcx sends: no names, and the clock as payload.
		want := binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(began.UnixNano()))
		if h := (protocol.Header{Heartbeat: true, Serialize: protocol.MsgPack, Seq: m.Seq}); m.Header != h ||
			m.Service+m.Method != "" || !m.Metadata.IsZero() || string(m.Payload) != string(want) {
			t.Errorf("heartbeat is %+v", m)
		}
		time.Sleep(30 * time.Millisecond)
		w.echo(m)
		if p := <-done; p.err != nil || p.took != 30*time.Millisecond {
			t.Errorf("took %v, %v; want 30 ms", p.took, p.err)
		}
	})
}

func TestHeartbeatOnRealServer(t *testing.T) {
	t.Parallel()
	c := rpctest.NewServer(t).Dial(t, client.Option{})
	for range 10 {
		if took, err := c.Heartbeat(t.Context()); err != nil || took <= 0 {
			t.Errorf("took %v, %v", took, err)
		}
	}
	if c.Pending() != 0 {
		t.Errorf("%d calls are pending", c.Pending())
	}
}

func TestHeartbeatEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Heartbeat(ctx)
		wantError(t, err, rpcx.DeadlineExceeded, false)
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v, want 1 s", took)
		}
		late := w.next()
		_, err = c.Heartbeat(ctx) // has ended already
		wantError(t, err, rpcx.DeadlineExceeded, rpcx.SafeToRetry(err))
		w.echo(late)
		if c.Err() != nil || c.Pending() != 0 {
			t.Errorf("connection has %d pending and ended with %v", c.Pending(), c.Err())
		}
	})
}

// A heartbeat waits for room like any other frame, and no longer than its context.
func TestHeartbeatWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newPeer(t).dial(client.Option{MaxUnsent: 1, WriteTimeout: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 3 {
			inBackground(on(ctx, c), strings.Repeat("x", 200<<10))
			synctest.Wait()
		}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := c.Heartbeat(short)
		wantError(t, err, rpcx.DeadlineExceeded, true)
		done := make(chan error, 1)
		go func() {
			_, err := c.Heartbeat(t.Context())
			done <- err
		}()
		synctest.Wait()
		c.Close()
		wantError(t, <-done, rpcx.Unavailable, true)
	})
}

// A server that falls silent is found dead, and with it the calls that wait for it.
func TestSilentServerIsFoundDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{
			Heartbeat: true, HeartbeatInterval: 5 * time.Second, MaxWaitForHeartbeat: 2 * time.Second,
		})
		began := time.Now()
		done := inBackground(on(context.Background(), c), "x")
		for range 3 { // as long as it answers nothing happens
			for m := w.next(); ; m = w.next() {
				if m.Heartbeat {
					w.echo(m)
					break
				}
			}
		}
		got := <-done
		wantError(t, got.err, rpcx.Unavailable, false)
		if !strings.Contains(got.err.Error(), "does not answer heartbeats") {
			t.Errorf("error is %q", got.err)
		}
		if took := time.Since(began); took != 4*5*time.Second+2*time.Second {
			t.Errorf("found dead after %v, want 22 s: the fourth heartbeat was not answered", took)
		}
		<-c.Done()
		wantError(t, c.Err(), rpcx.Unavailable, false)
	})
}

// The same while the connection is drained: its last calls must not hang.
func TestSilentDrainingServerIsFoundDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{Heartbeat: true, HeartbeatInterval: time.Second, MaxWaitForHeartbeat: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		done := inBackground(on(ctx, c), "x")
		w.next()
		w.drain()
		began := time.Now()
		got := <-done
		wantError(t, got.err, rpcx.Unavailable, false)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("found dead after %v", took)
		}
	})
}

// Without being asked, a client sends no heartbeats.
func TestNoHeartbeatByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		_ = w.SetReadDeadline(time.Now().Add(time.Hour))
		if m, err := w.read(); err == nil {
			t.Errorf("got %+v", m)
		}
		if c.Err() != nil {
			t.Errorf("connection ended: %v", c.Err())
		}
	})
}

// A client replaces a connection that was found dead.
func TestSilentServerIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		x := p.client(client.Failfast, client.Option{
			Heartbeat: true, HeartbeatInterval: time.Second, MaxWaitForHeartbeat: time.Second,
		})
		first := inBackground(of(context.Background(), x), "first")
		p.accept()
		wantError(t, (<-first).err, rpcx.Unavailable, false)
		second := inBackground(of(t.Context(), x), "second")
		w := p.accept()
		w.reply(w.next(), "here I am")
		wantOK(t, <-second, "here I am")
	})
}
