// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// Without being told, a client sends plain bytes as they are and everything else as
// MessagePack.
func TestCodecSelection(t *testing.T) {
	t.Parallel()
	plain := []byte("x")
	var out []byte
	type named []byte
	with := client.WithSerializeType
	tests := []struct {
		name        string
		option      protocol.SerializeType
		args, reply any
		opts        []client.CallOption
		want        protocol.SerializeType
	}{
		{"bytes", 0, plain, &out, nil, protocol.SerializeNone},
		{"pointers to bytes", 0, &plain, &out, nil, protocol.SerializeNone},
		{"one-way bytes", 0, plain, nil, nil, protocol.SerializeNone},
		{"values", 0, &Args{}, &Reply{}, nil, protocol.MsgPack},
		{"bytes for a value", 0, plain, &Reply{}, nil, protocol.MsgPack},
		{"a value for bytes", 0, &Args{}, &out, nil, protocol.MsgPack},
		{"one-way value", 0, &Args{}, nil, nil, protocol.MsgPack},
		{"named bytes", 0, named("x"), &out, nil, protocol.MsgPack},
		{"nothing", 0, nil, &Reply{}, nil, protocol.MsgPack},
		{"option", protocol.JSON, &Args{}, &Reply{}, nil, protocol.JSON},
		{"option, bytes", protocol.JSON, plain, &out, nil, protocol.JSON},
		{"call", 0, &Args{}, &Reply{}, []client.CallOption{with(protocol.JSON)}, protocol.JSON},
		{"call over option", protocol.JSON, &Args{}, &Reply{}, []client.CallOption{with(protocol.MsgPack)}, protocol.MsgPack},
		{"raw by call", protocol.JSON, plain, &out, []client.CallOption{with(protocol.SerializeNone)}, protocol.SerializeNone},
		{"raw by call, named bytes", protocol.JSON, named("x"), &out, []client.CallOption{with(protocol.SerializeNone)}, protocol.SerializeNone},
		{"the last option counts", 0, plain, &out, []client.CallOption{with(protocol.JSON), with(protocol.MsgPack)}, protocol.MsgPack},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{SerializeType: tt.option})
			done := make(chan error, 1)
			go func() { done <- c.Call(t.Context(), "S", "M", tt.args, tt.reply, tt.opts...) }()
			m := w.next()
			if m.Serialize != tt.want {
				t.Errorf("sent as %v, want %v", m.Serialize, tt.want)
			}
			if tt.reply != nil {
				w.reply(m, "")
			}
			if err := receive(t, done, "the call"); err != nil {
				t.Error(err)
			}
		})
	}
}

// Arguments that the codec cannot encode fail before anything is sent.
func TestArgumentsThatDoNotEncode(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	tests := []struct {
		name string
		args any
		t    protocol.SerializeType
		says string
	}{
		{"a value as raw bytes", &Args{}, protocol.SerializeNone, "raw: cannot encode"},
		{"no message", &Args{}, protocol.ProtoBuffer, "protobuf: cannot encode"},
		{"a function", func() {}, protocol.JSON, "json: "},
		{"a channel", make(chan int), protocol.MsgPack, "msgpack: "},
		{"no such codec", &Args{}, 9, "no codec for codec-9"},
		{"out of range", &Args{}, 200, "no codec for codec-200"},
		{"thrift is not built in", &Args{}, protocol.Thrift, "no codec for thrift; add it to Option.Codecs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, reply := range []any{new(Reply), nil} {
				err := c.Call(t.Context(), "S", "M", tt.args, reply, client.WithSerializeType(tt.t))
				wantError(t, err, rpcx.InvalidArgument, true)
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %q does not say %q", err, tt.says)
				}
			}
		})
	}
	w.sync(c)
}

// shout is a codec of the user's.
type shout struct{}

func (shout) ID() protocol.SerializeType { return 12 }
func (shout) Name() string               { return "shout" }

func (shout) Append(dst []byte, v any) ([]byte, error) {
	if s, ok := v.(*string); ok {
		v = *s
	}
	return append(dst, strings.ToUpper(fmt.Sprint(v))...), nil
}

func (shout) Unmarshal(data []byte, v any) error {
	s, ok := v.(*string)
	if !ok {
		return fmt.Errorf("shout: cannot decode into %T", v)
	}
	*s = string(data)
	return nil
}

// Every codec that is built in, and one that is not, carries a call there and back.
func TestCodecs(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t, server.WithCodec(shout{}))
	handle(t, s.Server, "Bytes", echo)
	handle(t, s.Server, "Mul", func(_ context.Context, args *Args, reply *Reply) error {
		reply.C = args.A * args.B
		return nil
	})
	handle(t, s.Server, "Double", func(_ context.Context, args, reply *wrapperspb.Int64Value) error {
		reply.Value = 2 * args.GetValue()
		return nil
	})
	handle(t, s.Server, "Say", func(_ context.Context, args, reply *string) error {
		*reply = *args + "!"
		return nil
	})
	x := s.Client(t, "S", client.Option{Codecs: []codec.Codec{shout{}}})
	tests := []struct {
		t           protocol.SerializeType
		method      string
		args, reply any
		want        string
	}{
		{protocol.SerializeNone, "Bytes", []byte("x"), new([]byte), `"eA=="`},
		{protocol.JSON, "Mul", &Args{6, 7}, new(Reply), `{"C":42}`},
		{protocol.JSON, "Mul", Args{6, 7}, new(Reply), `{"C":42}`},
		{protocol.JSON, "Mul", map[string]int{"A": 6, "B": 7}, new(map[string]int), `{"C":42}`},
		{protocol.MsgPack, "Mul", &Args{6, 7}, new(Reply), `{"C":42}`},
		{protocol.MsgPack, "Mul", map[string]int{"A": 6, "B": 7}, new(map[string]int), `{"C":42}`},
		{protocol.ProtoBuffer, "Double", wrapperspb.Int64(21), new(wrapperspb.Int64Value), `{"value":42}`},
		{shout{}.ID(), "Say", "hello", new(string), `"HELLO!"`},
	}
	for _, tt := range tests {
		t.Run(tt.t.String(), func(t *testing.T) {
			t.Parallel()
			if err := x.Call(t.Context(), tt.method, tt.args, tt.reply, client.WithSerializeType(tt.t)); err != nil {
				t.Fatal(err)
			}
			if got, err := json.Marshal(tt.reply); err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// Arguments of more than 1024 bytes are compressed, others are not; so are replies.
func TestCompressionThreshold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		size   int
		option protocol.CompressType
		opts   []client.CallOption
		packed bool
	}{
		{"none", 5000, protocol.None, nil, false},
		{"at the threshold", 1024, protocol.Gzip, nil, false},
		{"over the threshold", 1025, protocol.Gzip, nil, true},
		{"long", 1 << 20, protocol.Gzip, nil, true},
		{"empty", 0, protocol.Gzip, nil, false},
		{"by call", 1025, protocol.None, []client.CallOption{client.WithCompressType(protocol.Gzip)}, true},
		{"off by call", 1025, protocol.Gzip, []client.CallOption{client.WithCompressType(protocol.None)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := bytes.Repeat([]byte{'a'}, tt.size)
			c, w := newPeer(t).dial(client.Option{CompressType: tt.option})
			done := inBackground(on(t.Context(), c, tt.opts...), string(args))
			m := w.next()
			if packed := m.Compress == protocol.Gzip; packed != tt.packed {
				t.Errorf("compressed is %t, want %t", packed, tt.packed)
			}
			if m.Compress == protocol.None && !bytes.Equal(m.Payload, args) ||
				m.Compress == protocol.Gzip && !bytes.Equal(unzip(t, m.Payload), args) {
				t.Errorf("sent %d bytes that are not the arguments", len(m.Payload))
			}
			w.reply(m, "ok")
			wantOK(t, receive(t, done, "the call"), "ok")

			seen := newWatcher()
			s := rpctest.NewServer(t)
			handle(t, s.Server, "M", echo)
			x := s.Client(t, "S", client.Option{CompressType: tt.option, Observer: seen})
			wantOK(t, receive(t, inBackground(of(t.Context(), x, tt.opts...), string(args)), "the call"), string(args))
			end := receive(t, seen.ends, "the end of the attempt").result
			if tt.packed && (end.RequestBytes >= tt.size || end.ReplyBytes >= tt.size) ||
				!tt.packed && (end.RequestBytes != tt.size || end.ReplyBytes != tt.size) {
				t.Errorf("%d and %d bytes went over the wire for %d", end.RequestBytes, end.ReplyBytes, tt.size)
			}
		})
	}
	t.Run("no such compressor", func(t *testing.T) {
		t.Parallel()
		c, w := newPeer(t).dial(client.Option{})
		err := c.Call(t.Context(), "S", "M", make([]byte, 2000), new([]byte), client.WithCompressType(6))
		wantError(t, err, rpcx.InvalidArgument, true)
		w.sync(c)
	})
}

// jammed is a compressor that does not work.
type jammed struct{ squeeze }

func (jammed) Compress(dst, _ []byte) ([]byte, error) { return dst, errors.New("paper jam") }

func TestArgumentsThatDoNotCompress(t *testing.T) {
	t.Parallel()
	z := jammed{squeeze{"squeeze"}}
	c, w := newPeer(t).dial(client.Option{CompressType: z.ID(), Compressors: []compress.Compressor{z}})
	w.accept(c, "compress:squeeze=7")
	err := c.Call(t.Context(), "S", "M", make([]byte, 2000), new([]byte))
	wantError(t, err, rpcx.Internal, true)
	if err != nil && !strings.Contains(err.Error(), "paper jam") {
		t.Errorf("error is %q", err)
	}
	w.sync(c)
}

// Compressed calls of many callers do not get at each other's data. In rpcx they do.
func TestR1_CompressedCallsKeepApart(t *testing.T) {
	t.Parallel()
	const calls = 512
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	x := s.Client(t, "S", client.Option{CompressType: protocol.Gzip})
	done := make(chan error, 64)
	for g := range cap(done) {
		go func() {
			for i := range calls / cap(done) {
				args := strings.Repeat(fmt.Sprintf("%d/%d ", g, i), 250)
				var reply []byte
				if err := x.Call(t.Context(), "M", []byte(args), &reply); err != nil || string(reply) != args {
					done <- fmt.Errorf("caller %d, call %d: got %.30q, %w", g, i, reply, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range cap(done) {
		if err := receive(t, done, "a caller"); err != nil {
			t.Error(err)
		}
	}
}

// A reply is decoded into memory of its own: the connection reuses what it read into.
func TestRepliesOwnTheirMemory(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	x := s.Client(t, "S", client.Option{})
	var replies [50][]byte
	for i := range replies {
		args := bytes.Repeat([]byte{byte(i)}, 500)
		if err := x.Call(t.Context(), "M", args, &replies[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, reply := range replies {
		if len(reply) != 500 || bytes.ContainsFunc(reply, func(r rune) bool { return r != rune(i) }) {
			t.Errorf("reply %d was overwritten", i)
		}
	}
}
