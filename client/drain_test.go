// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// After the notice no call is begun; those under way are answered, and with the last
// one the client closes the connection.
func TestDrainNotice(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	a := inBackground(on(t.Context(), c), "a")
	ma := w.next()
	b := inBackground(on(t.Context(), c), "b")
	mb := w.next()
	w.drain()
	w.drain() // a second one changes nothing
	w.sync(c)
	wantError(t, c.Call(t.Context(), "S", "M", []byte("x"), new([]byte)), rpcx.Unavailable, true)
	wantError(t, c.Call(t.Context(), "S", "M", []byte("x"), nil), rpcx.Unavailable, true)
	w.reply(mb, "B")
	wantOK(t, receive(t, b, "b"), "B")
	w.sync(c) // still there
	w.reply(ma, "A")
	wantOK(t, receive(t, a, "a"), "A")
	w.wantEnd()
	await(t, c.Done(), "the end of the connection")
	wantError(t, c.Err(), rpcx.Unavailable, false)
}

func TestDrainNoticeOnIdleConnection(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	w.drain()
	w.wantEnd()
	await(t, c.Done(), "the end of the connection")
}

// A call that its caller gives up does not keep a drained connection open.
func TestDrainedConnectionEndsWithCanceledCall(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	ctx, cancel := context.WithCancel(t.Context())
	done := inBackground(on(ctx, c), "x")
	w.next()
	w.drain()
	w.sync(c)
	cancel()
	wantError(t, receive(t, done, "the call").err, rpcx.Canceled, false)
	await(t, c.Done(), "the end of the connection")
}

// A one-way call that is being written when the notice comes is written to its end.
func TestDrainWaitsForOnewayCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		done := make(chan error, 1)
		go func() { done <- c.Call(t.Context(), "S", "M", make([]byte, 200<<10), nil) }()
		synctest.Wait()
		w.drain()
		synctest.Wait()
		if m := w.next(); len(m.Payload) != 200<<10 {
			t.Errorf("got %d bytes", len(m.Payload))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		<-c.Done()
	})
}

// Calls and the notice race, and every call is either answered or not sent.
func TestDrainRacesCalls(t *testing.T) {
	t.Parallel()
	for range 300 {
		p := newPeer(t)
		c, w := p.dial(client.Option{})
		p.tasks.Go(func() {
			for {
				m, err := w.read()
				if err != nil {
					return
				}
				w.reply(m, "ok")
			}
		})
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for {
					var reply []byte
					if err := c.Call(t.Context(), "S", "M", []byte("x"), &reply); err != nil {
						wantError(t, err, rpcx.Unavailable, true)
						return
					}
				}
			})
		}
		w.drain()
		callers.Wait()
		await(t, c.Done(), "the end of the connection")
	}
}

// Unknown control frames are passed over.
func TestUnknownControlFrame(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{OnPush: func(m *protocol.Message) { t.Errorf("pushed %+v", m) }})
	w.send(&protocol.Message{Header: protocol.Header{Oneway: true}, Service: control, Method: "teleport"})
	w.sync(c)
	if c.Err() != nil {
		t.Errorf("connection ended: %v", c.Err())
	}
}

// The next call after the notice goes out on a new connection, also under Failfast.
func TestCallsMoveOnAfterDrain(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	x := p.client(client.Failfast, client.Option{})
	old := inBackground(of(t.Context(), x), "old")
	w1 := p.accept()
	m := w1.next()
	seen := inBackground(of(t.Context(), x), "seen")
	w1.next()
	w1.drain()
	w1.replyError(m, rpcx.NotFound) // the client reads it after the notice
	wantError(t, receive(t, old, "the old call").err, rpcx.NotFound, false)

	next := inBackground(of(t.Context(), x), "new")
	w2 := p.accept()
	m2 := w2.next()
	if string(m2.Payload) != "new" {
		t.Errorf("got %+v", m2)
	}
	w2.reply(m2, "from the new one")
	wantOK(t, receive(t, next, "the new call"), "from the new one")
	last := answerTo(m, "late but fine")
	last.Seq = m.Seq + 1
	w1.send(last)
	wantOK(t, receive(t, seen, "the call under way"), "late but fine")
	w1.wantEnd()
}

// Servers restart one after the other under load, and no call notices.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		start := func(name string) *server.Server {
			s := server.NewServer(server.WithTransport(network), server.WithLogger(quiet()))
			handle(t, s, "M", func(_ context.Context, args, reply *[]byte) error {
				time.Sleep(3 * time.Millisecond)
				*reply = *args
				return nil
			})
			go s.Serve("mem", name) // ends with Shutdown
			<-s.Started()
			return s
		}
		servers := map[string]*server.Server{"a": start("a"), "b": start("b")}
		d := client.NewMultipleServersDiscovery([]*client.KVPair{{Key: "mem@a"}, {Key: "mem@b"}})
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, (&peer{net: network}).option(client.Option{}))
		var calls atomic.Int64
		var callers sync.WaitGroup
		stop := make(chan struct{})
		for g := range 10 {
			callers.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					args := fmt.Sprint(g, i)
					var reply []byte
					if err := x.Call(t.Context(), "M", []byte(args), &reply); err != nil || string(reply) != args {
						t.Errorf("call %s: %q, %v", args, reply, err)
						return
					}
					calls.Add(1)
				}
			})
		}
		for range 3 {
			for name := range servers {
				time.Sleep(100 * time.Millisecond)
				if err := servers[name].Shutdown(t.Context()); err != nil {
					t.Errorf("shut down %s: %v", name, err)
				}
				servers[name] = start(name)
			}
		}
		close(stop)
		callers.Wait()
		if calls.Load() < 1000 {
			t.Errorf("only %d calls were made", calls.Load())
		}
		x.Close()
		for _, s := range servers {
			s.Close()
		}
	})
}
