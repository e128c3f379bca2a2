// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// still is a codec that allocates nothing, so that what a call allocates is ours.
type still struct{}

func (still) ID() protocol.SerializeType               { return 9 }
func (still) Name() string                             { return "still" }
func (still) Append(dst []byte, _ any) ([]byte, error) { return append(dst, 1), nil }
func (still) Unmarshal([]byte, any) error              { return nil }

// bare is a client that writes the same bytes again and again and allocates nothing.
type bare struct {
	t               testing.TB
	nc              net.Conn
	request, answer []byte
}

// bareClient returns one that sends n requests at once for S.M, or for another service.
func (w *world) bareClient(t testing.TB, n int, service string, md rpcx.Metadata) *bare {
	t.Helper()
	b := &bare{t: t, nc: w.dialNet(t)}
	m := protocol.Message{
		Header:  protocol.Header{Serialize: 9},
		Service: service, Method: "M", Metadata: md, Payload: []byte{1},
	}
	for range n {
		var err error
		if b.request, err = m.AppendBinary(b.request); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.nc.Write(b.request); err != nil {
		t.Fatal(err)
	}
	in := protocol.NewReader(b.nc, protocol.Limits{})
	size := 0
	for range n {
		f, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		if f.Status != protocol.Normal {
			t.Fatalf("the server refuses: %v", f.Message())
		}
		answer, err := f.Message().AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		size += len(answer)
	}
	b.answer = make([]byte, size)
	return b
}

// exchange sends the requests and waits for as many bytes as were answered before.
func (b *bare) exchange() {
	if _, err := b.nc.Write(b.request); err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.ReadFull(b.nc, b.answer); err != nil {
		b.t.Fatal(err)
	}
}

// nothing observes and does nothing.
type nothing struct{}

func (nothing) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }
func (nothing) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult)       {}

// Reflected is a service whose method is found by its form.
type Reflected struct{}

// M does nothing.
func (Reflected) M(context.Context, *Args, *Reply) error { return nil }

// load is a way to serve and to call, for benchmarks and budgets.
type load struct {
	name    string
	service string
	md      rpcx.Metadata
	opts    []server.Option
}

func loads() []load {
	idle := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc { return next }}
	return []load{
		{name: "typed", service: "S"},
		{name: "reflected", service: "R"},
		{name: "metadata", service: "S", md: rpcx.Pairs("trace", "0af7651916cd43dd8448eb211c80319c")},
		{name: "deadline", service: "S", md: rpcx.Pairs("__ServerTimeout", "60000")},
		{name: "observer", service: "S", opts: []server.Option{server.WithObserver(nothing{})}},
		{name: "interceptor", service: "S", opts: []server.Option{server.WithInterceptor(idle)}},
	}
}

// serve registers what the loads call.
func (w *world) serve(t testing.TB) *world {
	t.Helper()
	if err := server.Handle(w.Server, "S", "M", func(context.Context, *Args, *Reply) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.RegisterName("R", Reflected{}, ""); err != nil {
		t.Fatal(err)
	}
	return w
}
