// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"strconv"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/callctx"
	"github.com/rpcx-go/rpcx/protocol"
)

// inbound stands for what a server puts into a handler's context.
type inbound struct {
	metadata rpcx.Metadata
	peer     rpcx.Peer
	reply    map[string]string
	returned bool
}

func (in *inbound) Metadata() rpcx.Metadata { return in.metadata }

func (in *inbound) Peer() rpcx.Peer { return in.peer }

func (in *inbound) SetReplyMetadata(key, value string) error {
	if in.returned {
		return rpcx.Errorf(rpcx.FailedPrecondition, "returned")
	}
	if in.reply == nil {
		in.reply = make(map[string]string)
	}
	in.reply[key] = value
	return nil
}

func (in *inbound) handlerContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, callctx.Key{}, in)
}

func TestWithMetadata(t *testing.T) {
	t.Parallel()
	if md := rpcx.OutgoingMetadata(t.Context()); !md.IsZero() {
		t.Errorf("a fresh context carries %v", md.Map())
	}
	first := rpcx.WithMetadata(t.Context(), rpcx.Pairs("a", "1", "b", "2"))
	second := rpcx.WithMetadata(first, rpcx.NewMetadata(map[string]string{"b": "3", "c": "4"}))
	for _, c := range []struct {
		name string
		ctx  context.Context
		want map[string]string
	}{
		{"first", first, map[string]string{"a": "1", "b": "2"}},
		{"second adds and replaces", second, map[string]string{"a": "1", "b": "3", "c": "4"}},
		{"nothing added", rpcx.WithMetadata(second, rpcx.Metadata{}), map[string]string{"a": "1", "b": "3", "c": "4"}},
		{"a derived context", context.WithoutCancel(first), map[string]string{"a": "1", "b": "2"}},
	} {
		if got := rpcx.OutgoingMetadata(c.ctx).Map(); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestIncomingMetadata(t *testing.T) {
	t.Parallel()
	if md := rpcx.IncomingMetadata(t.Context()); !md.IsZero() {
		t.Errorf("outside of a handler: %v", md.Map())
	}
	if md := rpcx.IncomingMetadata(context.WithValue(t.Context(), callctx.Key{}, "not a call")); !md.IsZero() {
		t.Errorf("with a foreign value: %v", md.Map())
	}
	for _, c := range []struct {
		name     string
		in, want rpcx.Metadata
	}{
		{"nothing", rpcx.Metadata{}, rpcx.Metadata{}},
		{"the user's", rpcx.Pairs("b", "1", "a", "2"), rpcx.Pairs("b", "1", "a", "2")},
		{"the protocol's are left out", rpcx.Pairs("__AUTH", "secret", "a", "1", "__ServerTimeout", "5", "__rpcx_offer", "x", "_b", "2", "__AUTH", "again"), rpcx.Pairs("a", "1", "_b", "2")},
		{"only the protocol's", rpcx.Pairs("__AUTH", "secret", "__", ""), rpcx.Metadata{}},
		{"odd keys", rpcx.Pairs("", "1", "_", "2", "\xff__", "3"), rpcx.Pairs("", "1", "_", "2", "\xff__", "3")},
		{"a key twice", rpcx.Pairs("a", "1", "a", "2"), rpcx.Pairs("a", "1", "a", "2")},
	} {
		ctx := (&inbound{metadata: c.in}).handlerContext(t.Context())
		if got := rpcx.IncomingMetadata(ctx); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.Map(), c.want.Map())
		}
	}
}

// What came in does not go out by itself; forwarded on purpose it goes without the
// token and the deadline.
func TestMetadataIsForwardedOnPurpose(t *testing.T) {
	t.Parallel()
	ctx := (&inbound{metadata: rpcx.Pairs("trace", "abc", "__AUTH", "secret")}).handlerContext(t.Context())
	if md := rpcx.OutgoingMetadata(ctx); !md.IsZero() {
		t.Errorf("goes out by itself: %v", md.Map())
	}
	forwarded := rpcx.WithMetadata(ctx, rpcx.IncomingMetadata(ctx))
	if md := rpcx.OutgoingMetadata(forwarded); md != rpcx.Pairs("trace", "abc") {
		t.Errorf("forwarded: %v", md.Map())
	}
}

// A thousand reserved pairs, which any client can send, are left out in one pass.
//
//nolint:paralleltest // counts allocations
func TestIncomingMetadataIsLinear(t *testing.T) {
	var hostile []byte
	for i := range 1024 {
		hostile = protocol.AppendPair(hostile, "__key-"+strconv.Itoa(i), "0123456789012345678901234567890123456789")
	}
	md, err := protocol.ParseMetadata(protocol.AppendPair(hostile, "mine", "1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := (&inbound{metadata: md}).handlerContext(t.Context())
	if got := rpcx.IncomingMetadata(ctx); got != rpcx.Pairs("mine", "1") {
		t.Errorf("left over: %v", got.Map())
	}
	if n := testing.AllocsPerRun(10, func() { rpcx.IncomingMetadata(ctx) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func TestSetReplyMetadata(t *testing.T) {
	t.Parallel()
	in := new(inbound)
	ctx := in.handlerContext(t.Context())
	for _, v := range []string{"1", "2"} {
		if err := rpcx.SetReplyMetadata(ctx, "k", v); err != nil {
			t.Fatal(err)
		}
	}
	if in.reply["k"] != "2" {
		t.Errorf("reply metadata is %v", in.reply)
	}
	for _, key := range []string{"__", "__AUTH", "__rpcx_error__"} {
		if err := rpcx.SetReplyMetadata(ctx, key, "x"); !errors.Is(err, rpcx.InvalidArgument) || in.reply[key] != "" {
			t.Errorf("key %q: %v, want invalid argument", key, err)
		}
	}
	if err := rpcx.SetReplyMetadata(t.Context(), "k", "v"); !errors.Is(err, rpcx.FailedPrecondition) {
		t.Errorf("outside of a handler: %v, want failed precondition", err)
	}
	in.returned = true
	if err := rpcx.SetReplyMetadata(ctx, "k", "3"); !errors.Is(err, rpcx.FailedPrecondition) || in.reply["k"] != "2" {
		t.Errorf("after the handler: %v, want failed precondition", err)
	}
}

func TestPeerFrom(t *testing.T) {
	t.Parallel()
	if p, ok := rpcx.PeerFrom(t.Context()); ok || p != (rpcx.Peer{}) {
		t.Errorf("outside of a handler: %+v, %t", p, ok)
	}
	want := rpcx.Peer{Network: "tcp", Addr: &net.TCPAddr{Port: 1}, Local: &net.TCPAddr{Port: 2}}
	ctx := (&inbound{peer: want}).handlerContext(t.Context())
	if p, ok := rpcx.PeerFrom(ctx); !ok || p != want {
		t.Errorf("in a handler: %+v, %t, want %+v", p, ok, want)
	}
}
