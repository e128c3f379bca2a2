// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// squeeze is a compressor that only this project's peers can know: it writes how
// often the one byte that a payload consists of is repeated.
type squeeze struct{ name string }

func (squeeze) ID() protocol.CompressType { return 7 }
func (s squeeze) Name() string            { return s.name }

func (squeeze) Compress(dst, src []byte) ([]byte, error) {
	return append(dst, src[0], byte(len(src)>>8), byte(len(src))), nil
}

func (squeeze) Decompress(dst, src []byte, limit int) ([]byte, error) {
	n := int(src[1])<<8 | int(src[2])
	if n > limit {
		return dst, compress.ErrTooLarge
	}
	return append(dst, strings.Repeat(string(src[0]), n)...), nil
}

// The first frame offers what the client understands, in the form of spec.md.
func TestHelloOffers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opt  client.Option
		want string
	}{
		{"default", client.Option{}, "cancel drain compress:gzip=1"},
		{
			"with a compressor",
			client.Option{Compressors: []compress.Compressor{squeeze{"squeeze"}}},
			"cancel drain compress:gzip=1 compress:squeeze=7",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, w := newPeer(t).dial(tt.opt)
			h := w.hello
			if want := (protocol.Header{Heartbeat: true}); h.Header != want {
				t.Errorf("header is %+v, want %+v", h.Header, want)
			}
			if h.Service+h.Method+string(h.Payload) != "" || h.Metadata.Len() != 1 || h.Metadata.Get(offerKey) != tt.want {
				t.Errorf("hello is %+v with %v, want the offer %q", h, h.Metadata.Map(), tt.want)
			}
		})
	}
}

// NoHello is for servers that take offence at heartbeats. What the hello would bring
// into force stays out of force.
func TestNoHello(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c, err := client.Dial(t.Context(), "mem", p.name, p.option(client.Option{NoHello: true}))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	w := receive(t, p.conns, "a connection")
	ctx, cancel := context.WithCancel(t.Context())
	done := inBackground(on(ctx, c), "first")
	if m := w.next(); m.Heartbeat || string(m.Payload) != "first" {
		t.Errorf("the first frame is %+v", m)
	}
	cancel()
	wantError(t, receive(t, done, "the call").err, rpcx.Canceled, false)
	done = inBackground(on(t.Context(), c), "second")
	m := w.next()
	if string(m.Payload) != "second" {
		t.Errorf("the second frame is %+v", m)
	}
	w.reply(m, "fine")
	wantOK(t, receive(t, done, "the call"), "fine")
}

// Nothing waits for the answer, and no answer is a call's.
func TestHelloAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answer  func(w *wire)
		capable bool
		dropped uint64
	}{
		{"none", func(*wire) {}, false, 0},
		{"echo of a classic server", func(w *wire) { w.echo(w.hello) }, false, 0},
		{"error", func(w *wire) { w.replyError(w.hello, rpcx.Errorf(rpcx.Unauthenticated, "who are you?")) }, false, 1},
		{"accept", func(w *wire) {
			a := answerTo(w.hello, "")
			a.Metadata = rpcx.Pairs(acceptKey, "cancel teleport drain compress:x compress:=9 compress:y=99")
			w.send(a)
		}, true, 0},
		{"accept without anything", func(w *wire) {
			a := answerTo(w.hello, "")
			a.Metadata = rpcx.Pairs(acceptKey, "")
			w.send(a)
		}, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{})
			done := inBackground(on(t.Context(), c), "x")
			m := w.next()
			tt.answer(w)
			w.reply(m, "y")
			wantOK(t, receive(t, done, "the call"), "y")
			if c.Capable() != tt.capable || c.Dropped() != tt.dropped {
				t.Errorf("capable is %t, %d dropped; want %t, %d", c.Capable(), c.Dropped(), tt.capable, tt.dropped)
			}
		})
	}
}

// A canceled call is told to a server that understands that, and to no other.
func TestCancelFrame(t *testing.T) {
	t.Parallel()
	for _, accepts := range []string{"", "drain", "cancel", "drain cancel compress:gzip=1"} {
		t.Run("accepts "+accepts, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{})
			if accepts == "" {
				w.echo(w.hello)
			} else {
				w.accept(c, accepts)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := inBackground(on(ctx, c), "x")
			m := w.next()
			cancel()
			wantError(t, receive(t, done, "the call").err, rpcx.Canceled, false)

			next := inBackground(on(t.Context(), c), "next")
			got := w.next()
			if strings.Contains(accepts, "cancel") {
				want := protocol.Header{Oneway: true, Seq: m.Seq}
				if got.Header != want || got.Service != control || got.Method != "cancel" || !got.Metadata.IsZero() || len(got.Payload) > 0 {
					t.Errorf("got %+v, want a cancel frame for %d", got, m.Seq)
				}
				got = w.next()
			}
			if string(got.Payload) != "next" {
				t.Errorf("got %+v, want the next call", got)
			}
			w.reply(m, "too late") // must not be taken for anything
			w.reply(got, "fine")
			wantOK(t, receive(t, next, "the next call"), "fine")
		})
	}
}

// Calls that are given up before the hello was answered are canceled when it is.
func TestCancelBeforeTheHello(t *testing.T) {
	t.Parallel()
	for _, accepts := range []string{"", "drain", "cancel"} {
		t.Run("accepts "+accepts, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{})
			given := make(map[uint64]bool)
			for range 3 {
				ctx, cancel := context.WithCancel(t.Context())
				done := inBackground(on(ctx, c), "x")
				given[w.next().Seq] = true
				cancel()
				wantError(t, receive(t, done, "the call").err, rpcx.Canceled, false)
			}
			stays := inBackground(on(t.Context(), c), "stays")
			m := w.next()
			if accepts == "" {
				w.echo(w.hello)
			} else {
				a := answerTo(w.hello, "")
				a.Metadata = rpcx.Pairs(acceptKey, accepts)
				w.send(a)
			}
			if accepts == "cancel" {
				for range 3 {
					got := w.next()
					if got.Service != control || got.Method != "cancel" || !given[got.Seq] {
						t.Errorf("got %+v, want a cancel frame for one of %v", got, given)
					}
					delete(given, got.Seq)
				}
			}
			w.sync(c)
			w.reply(m, "fine")
			wantOK(t, receive(t, stays, "the call"), "fine")
		})
	}
}

// What waits for the hello is bounded: a classic server may never answer it.
func TestManyCancelsBeforeTheHello(t *testing.T) {
	t.Parallel()
	const n = 3000
	c, w := newPeer(t).dial(client.Option{})
	for range n {
		ctx, cancel := context.WithCancel(t.Context())
		done := inBackground(on(ctx, c), "x")
		w.next()
		cancel()
		wantError(t, receive(t, done, "the call").err, rpcx.Canceled, false)
	}
	a := answerTo(w.hello, "")
	a.Metadata = rpcx.Pairs(acceptKey, "cancel")
	w.send(a)
	done := make(chan error, 1)
	go func() {
		_, err := c.Heartbeat(t.Context())
		done <- err
	}()
	cancels := 0
	for m := w.next(); ; m = w.next() {
		if m.Heartbeat {
			w.echo(m)
			break
		}
		cancels++
	}
	if err := receive(t, done, "the heartbeat"); err != nil {
		t.Error(err)
	}
	if cancels > n/2 {
		t.Errorf("%d cancels were kept", cancels)
	}
}

// A compressor other than gzip is used only when both sides gave it the same name and
// number.
func TestCompressorNeedsHello(t *testing.T) {
	t.Parallel()
	tests := []struct {
		accepts string
		packed  bool
	}{
		{"", false},
		{"cancel drain compress:gzip=1", false},
		{"compress:squeeze=6", false},
		{"compress:other=7", false},
		{"compress:squeeze=7", true},
	}
	for _, tt := range tests {
		t.Run("accepts "+tt.accepts, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{CompressType: 7, Compressors: []compress.Compressor{squeeze{"squeeze"}}})
			if tt.accepts == "" {
				w.echo(w.hello)
			} else {
				w.accept(c, tt.accepts)
			}
			done := inBackground(on(t.Context(), c), strings.Repeat("a", 2000))
			m := w.next()
			if packed := m.Compress == 7 && string(m.Payload) == "a\x07\xd0"; packed != tt.packed {
				t.Errorf("sent %d bytes with %v, want compressed %t", len(m.Payload), m.Compress, tt.packed)
			}
			a := answerTo(m, "b\x00\x03")
			a.Compress = 7
			w.send(a)
			wantOK(t, receive(t, done, "the call"), "bbb")
		})
	}
}

// The same against a real server, once with the compressor and once without.
func TestCompressorOnRealServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		opts  []server.Option
		bytes int // of the request, as the server saw it
	}{
		{"with", []server.Option{server.WithCompressor(squeeze{"squeeze"})}, 3},
		{"without", nil, 2000},
		{"another of the number", []server.Option{server.WithCompressor(squeeze{"press"})}, 2000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seen := newWatcher()
			s := rpctest.NewServer(t, append(tt.opts, server.WithObserver(seen))...)
			handle(t, s.Server, "M", echo)
			c := s.Dial(t, client.Option{CompressType: 7, Compressors: []compress.Compressor{squeeze{"squeeze"}}})
			eventually(t, "the server answers the hello", c.Capable)
			args := strings.Repeat("a", 2000)
			wantOK(t, receive(t, inBackground(on(t.Context(), c), args), "the call"), args)
			if end := receive(t, seen.ends, "the end of the call"); end.result.RequestBytes != tt.bytes {
				t.Errorf("the request had %d bytes, want %d", end.result.RequestBytes, tt.bytes)
			}
		})
	}
}
