// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// A connection is listed when it can be used, and not before: its TLS handshake has
// run and Peer says who it is.
func TestConnsAreReady(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	w := onTCP(t, server.WithTLSConfig(ca.Server())).arith()
	silent := w.dialNet(t)
	eventually(t, "it is accepted", func() bool { return w.Stats().Conns == 1 })
	if n := len(w.Conns()); n != 0 {
		t.Errorf("%d connections are listed before their handshake", n)
	}
	began := time.Now()
	if err := w.PushAll(t.Context(), "S", "M", rpcx.Metadata{}, []byte("x")); err != nil || time.Since(began) > patience/2 {
		t.Errorf("PushAll: %v, after %v", err, time.Since(began))
	}

	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { // the race detector looks on
		for {
			for _, c := range w.Conns() {
				if c.Peer().TLS == nil {
					t.Error("a connection is listed whose handshake has not run")
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 5 {
				opt := client.Option{TLSConfig: ca.Client(), Logger: slog.New(slog.DiscardHandler), ConnectTimeout: patience}
				c, err := client.Dial(t.Context(), "tcp", w.addr, opt)
				if err != nil {
					t.Error(err)
					return
				}
				if err := c.Call(t.Context(), "Arith", "Mul", &Args{6, 7}, &Reply{}); err != nil {
					t.Error(err)
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	close(stop)
	all.Wait()
	silent.Close()
}

// A handshake that does not get on is cut in time, without a word to the observer.
func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		w := inMemory(t, server.WithTLSConfig(ca.Server()), server.WithObserver(r))
		nc := w.dialNet(t)
		if _, err := nc.Write([]byte{0x16, 0x03, 0x01}); err != nil { // the beginning of a ClientHello
			t.Fatal(err)
		}
		began := time.Now()
		drainAll(nc)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("cut after %v, want the default of 10s", took)
		}
		synctest.Wait()
		if opened, reasons := r.conns(); opened != 0 || len(reasons) != 0 {
			t.Errorf("the observer was told of %d connections, %v", opened, reasons)
		}
		if n := w.Stats().Conns; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// Idle connections are closed, busy and talking ones are not.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		r := newRecorder()
		w := inMemory(t, server.WithLimits(server.Limits{IdleTimeout: limit}), server.WithObserver(r)).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		idle, talking, busy, pushed := w.dial(t), w.dial(t), w.dial(t), w.dial(t)
		busy.send(request("S", "block", `{}`))
		<-b.began
		synctest.Wait() // all are listed
		began := time.Now()
		ended := make(chan time.Duration, 1)
		go func() {
			drainAll(idle.Conn)
			ended <- time.Since(began)
		}()
		for _, c := range w.Conns() {
			if c.Peer().Addr.String() == pushed.LocalAddr().String() {
				defer func(c *server.Conn) {
					if err := c.Push(context.Background(), "S", "M", rpcx.Metadata{}, nil); err != nil {
						t.Errorf("the connection that was pushed to: %v", err)
					}
				}(c)
				go func() {
					for range 10 {
						time.Sleep(limit / 2)
						_ = c.Push(context.Background(), "S", "M", rpcx.Metadata{}, nil)
					}
				}()
			}
		}
		for range 10 {
			time.Sleep(limit / 2)
			talking.silent()
		}
		if took := <-ended; took < limit || took > limit+limit/4 {
			t.Errorf("closed after %v of silence, want some %v", took, limit)
		}
		if n := len(w.Conns()); n != 3 {
			t.Errorf("%d connections are open, want the three that do something", n)
		}
		if _, reasons := r.conns(); len(reasons) != 1 || rpcx.CodeOf(reasons[0]) != rpcx.Unavailable {
			t.Errorf("closed because of %v", reasons)
		}
		close(b.release)
		busy.receive()
	})
}

func TestNoIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{IdleTimeout: server.NoLimit})).arith()
		p := w.dial(t)
		time.Sleep(48 * time.Hour)
		p.silent()
	})
}

// The default is ten minutes; our client dials again by itself.
func TestDefaultIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		x := w.client(t, "Arith", client.DefaultOption)
		for range 3 {
			if err := x.Call(t.Context(), "Mul", &Args{6, 7}, &Reply{}); err != nil {
				t.Error(err)
			}
			time.Sleep(9 * time.Minute)
			if n := len(w.Conns()); n != 1 {
				t.Errorf("%d connections after nine minutes, want 1", n)
			}
			time.Sleep(2 * time.Minute)
			if n := len(w.Conns()); n != 0 {
				t.Errorf("%d connections after eleven minutes, want none", n)
			}
		}
	})
}
