// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

func TestMaxPending(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{MaxPending: 2})
	a := inBackground(on(t.Context(), c), "a")
	ma := w.next()
	b := inBackground(on(t.Context(), c), "b")
	mb := w.next()
	err := c.Call(t.Context(), "S", "M", []byte("c"), new([]byte))
	wantError(t, err, rpcx.ResourceExhausted, true)
	if err != nil && !strings.Contains(err.Error(), "MaxPending") {
		t.Errorf("error %q does not say which limit", err)
	}
	if err := c.Call(t.Context(), "S", "M", []byte("one-way"), nil); err != nil {
		t.Errorf("a one-way call does not wait for a reply: %v", err)
	}
	w.next()
	w.reply(ma, "A")
	wantOK(t, receive(t, a, "a"), "A")
	d := inBackground(on(t.Context(), c), "d")
	w.reply(w.next(), "D")
	wantOK(t, receive(t, d, "d"), "D")
	w.reply(mb, "B")
	wantOK(t, receive(t, b, "b"), "B")
}

// What a server with the same limits would answer by closing the connection is not
// sent at all: the calls of others would end with it.
func TestRequestOverTheLimit(t *testing.T) {
	t.Parallel()
	limits := protocol.Limits{Frame: 32 << 10, Metadata: 2 << 10, Pairs: 10, Name: 20}
	var many []string
	for i := range 11 {
		many = append(many, strings.Repeat("k", i), "")
	}
	tests := []struct {
		name            string
		service, method string
		args            []byte
		md              rpcx.Metadata
		says            string
	}{
		{"payload", "S", "M", make([]byte, 40<<10), rpcx.Metadata{}, "total length"},
		{"one byte over", "S", "M", make([]byte, 32<<10-16-2+1), rpcx.Metadata{}, "total length of 32769, the limit is 32768"},
		{"service name", strings.Repeat("s", 21), "M", nil, rpcx.Metadata{}, "service name"},
		{"method name", "S", strings.Repeat("m", 21), nil, rpcx.Metadata{}, "method name"},
		{"metadata", "S", "M", nil, rpcx.Pairs("k", strings.Repeat("v", 2<<10)), "metadata block"},
		{"metadata pairs", "S", "M", nil, rpcx.Pairs(many...), "metadata pairs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{Limits: limits})
			other := inBackground(on(t.Context(), c), "other")
			m := w.next()
			for _, reply := range []any{new([]byte), nil} {
				err := c.Call(t.Context(), tt.service, tt.method, tt.args, reply, client.WithMetadata(tt.md))
				wantError(t, err, rpcx.ResourceExhausted, true)
				if !errors.Is(err, protocol.ErrTooLarge) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error is %q, want it to say %q", err, tt.says)
				}
			}
			w.reply(m, "unharmed")
			wantOK(t, receive(t, other, "the other call"), "unharmed")
			w.sync(c) // nothing was sent
		})
	}
	t.Run("at the limit", func(t *testing.T) {
		t.Parallel()
		c, w := newPeer(t).dial(client.Option{Limits: limits})
		done := make(chan error, 1)
		args := make([]byte, 32<<10-16-2)
		go func() { done <- c.Call(t.Context(), "S", "M", args, new([]byte)) }()
		if m := w.next(); len(m.Payload) != len(args) {
			t.Errorf("got %d bytes", len(m.Payload))
		} else {
			w.reply(m, "")
		}
		if err := receive(t, done, "the call"); err != nil {
			t.Error(err)
		}
	})
}

// What waits to be written is bounded: callers wait for room, for as long as their
// context lets them.
func TestMaxUnsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 8 << 10
		c, w := newPeer(t).dial(client.Option{MaxUnsent: 64 << 10, WriteTimeout: time.Hour})
		const n = 100
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var calls []<-chan result
		for i := range n {
			calls = append(calls, inBackground(on(ctx, c), strings.Repeat("x", size)))
			if i%20 == 19 {
				synctest.Wait() // those that wait do not take the room that a write makes before it ends
			}
		}
		time.Sleep(time.Second) // who writes hands that over
		// The connection holds 64 KiB, and 64 KiB may wait.
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		began := time.Now()
		err := c.Call(short, "S", "M", make([]byte, size), new([]byte))
		wantError(t, err, rpcx.DeadlineExceeded, true)
		if took := time.Since(began); took != time.Second {
			t.Errorf("gave up after %v, want 1 s", took)
		}
		err = c.Call(short, "S", "M", make([]byte, size), nil)
		wantError(t, err, rpcx.DeadlineExceeded, true)

		for range n { // the server reads on, and all are served
			w.reply(w.next(), "ok")
		}
		for _, done := range calls {
			wantOK(t, <-done, "ok")
		}
		if c.Pending() != 0 {
			t.Errorf("%d calls are pending", c.Pending())
		}
	})
}

// A caller whose context ends gets its goroutine back, also when it is the one that
// writes and the server does not read.
func TestContextEndsWhileWriting(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]*[]byte{"call": new([]byte), "one-way": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := newPeer(t).dial(client.Option{WriteTimeout: 10 * time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				began := time.Now()
				var err error
				if reply == nil {
					err = c.Call(ctx, "S", "M", make([]byte, 1<<20), nil)
				} else {
					err = c.Call(ctx, "S", "M", make([]byte, 1<<20), reply)
				}
				wantError(t, err, rpcx.DeadlineExceeded, false)
				if took := time.Since(began); took > 200*time.Millisecond {
					t.Errorf("returned after %v, the deadline was 100 ms", took)
				}
			})
		})
	}
}

// The same over TLS, where a write that was cut off cannot be taken up again.
func TestContextEndsWhileWritingOverTLS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ca := transporttest.NewCA(t)
		network := mem.New()
		ln, err := network.Listen(t.Context(), "mem", "localhost", transport.Settings{TLS: ca.Server()})
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		accepted := make(chan net.Conn, 1)
		go func() {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			if err := nc.(*tls.Conn).HandshakeContext(t.Context()); err != nil {
				t.Error(err)
			}
			accepted <- nc
		}()
		c, err := client.Dial(t.Context(), "mem", "localhost", client.Option{
			Transports: []transport.Transport{network}, TLSConfig: ca.Client(), WriteTimeout: 10 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		closing(t, c)
		defer (<-accepted).Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		wantError(t, c.Call(ctx, "S", "M", make([]byte, 1<<20), new([]byte)), rpcx.DeadlineExceeded, false)
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("returned after %v, the deadline was 100 ms", took)
		}
	})
}

// A reply over the limits costs the connection, but no memory.
func TestReplyOverTheLimit(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{Limits: protocol.Limits{Frame: 10 << 10}})
	done := inBackground(on(t.Context(), c), "x")
	w.reply(w.next(), strings.Repeat("y", 10<<10))
	got := receive(t, done, "the call")
	wantError(t, got.err, rpcx.Internal, false)
	if !errors.Is(got.err, protocol.ErrTooLarge) {
		t.Errorf("error is %v", got.err)
	}
	await(t, c.Done(), "the end of the connection")
}

// Memory follows what a server sends, not what it claims.
func TestHugeClaim(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, w := newPeer(t).dial(client.Option{Limits: protocol.Limits{Frame: 1 << 30}})
	ctx, cancel := context.WithCancel(t.Context())
	done := inBackground(on(ctx, c), "x")
	w.next()
	w.sendBytes([]byte{0x08, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x30, 0, 0, 0}) // 768 MiB follow
	w.sendBytes(make([]byte, 100<<10))
	cancel()
	wantError(t, receive(t, done, "the call").err, rpcx.Canceled, false)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("allocated %d MiB on the word of a server", grown>>20)
	}
}
