// SPDX-License-Identifier: Apache-2.0

package netrpc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/rpc"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is both ends of a connection: what is written can be read.
type pipe struct{ bytes.Buffer }

func (*pipe) Close() error { return nil }

func TestCodec(t *testing.T) {
	t.Parallel()
	c := newCodec(new(pipe))
	for n, payload := range []int{0, 100_000, 3} {
		args := peers.NewMessage(payload)
		peers.Tag(args, n)
		if err := (clientCodec{c}).WriteRequest(&rpc.Request{Seq: uint64(n), ServiceMethod: method}, args); err != nil {
			t.Fatal(err)
		}
		var r rpc.Request
		got := new(pb.BenchmarkMessage)
		if err := errors.Join(c.ReadRequestHeader(&r), c.ReadRequestBody(got)); err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(n) || r.ServiceMethod != method || got.Field22 != args.Field22 || len(got.Payload) != payload {
			t.Errorf("request %d came as %+v with %d bytes", n, r, len(got.Payload))
		}
	}
}

// The body of a failed call is not sent, and that of a refused one skipped.
func TestCodecErrors(t *testing.T) {
	t.Parallel()
	c := newCodec(new(pipe))
	if err := c.WriteResponse(&rpc.Response{Seq: 5, Error: "no such thing"}, struct{}{}); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteResponse(&rpc.Response{Seq: 6}, peers.NewMessage(0)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []rpc.Response{{Seq: 5, Error: "no such thing"}, {Seq: 6}} {
		var r rpc.Response
		if err := errors.Join(clientCodec{c}.ReadResponseHeader(&r), clientCodec{c}.ReadResponseBody(nil)); err != nil {
			t.Fatal(err)
		}
		if r.Seq != want.Seq || r.Error != want.Error {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
	if err := c.write(1, "", "not a message"); err == nil {
		t.Error("a string was encoded")
	}
}

func TestBadFrames(t *testing.T) {
	t.Parallel()
	huge := binary.BigEndian.AppendUint32(make([]byte, 8), maxLen+1)
	whole := new(pipe)
	if err := newCodec(whole).write(1, method, peers.NewMessage(0)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"end of the stream", nil, io.EOF},
		{"cut head", whole.Bytes()[:5], io.ErrUnexpectedEOF},
		{"cut text", whole.Bytes()[:headLen+2], io.ErrUnexpectedEOF},
		{"cut body", whole.Bytes()[:whole.Len()-1], io.ErrUnexpectedEOF},
		{"too long", append(huge, 0, 0, 0, 0), nil},
	}
	for _, tt := range tests {
		c := newCodec(&pipe{*bytes.NewBuffer(tt.data)})
		_, _, err := c.readHead()
		if err == nil {
			err = c.readBody(new(pb.BenchmarkMessage))
		}
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestPeer(t *testing.T) {
	t.Parallel()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := Peer{}.Serve(ln, peers.NewService(0))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Peer{}.Dial(ln.Addr().String(), 2)
	if err != nil {
		t.Fatal(err)
	}
	args := peers.NewMessage(0)
	reply, err := p.Call(context.Background(), 1, args)
	if err != nil {
		t.Fatal(err)
	}
	if err := peers.Verify(args, reply); err != nil {
		t.Error(err)
	}
	if err := p.(pool)[0].Call("Hello.Shout", args, reply); err == nil || !strings.Contains(err.Error(), "Shout") {
		t.Errorf("an unknown method: %v", err)
	}
	if err := errors.Join(p.Close(), srv.Close()); err != nil {
		t.Error(err)
	}
}

func FuzzReadHead(f *testing.F) {
	var whole pipe
	if err := newCodec(&whole).write(1, method, peers.NewMessage(3)); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, headLen))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newCodec(&pipe{*bytes.NewBuffer(data)})
		for {
			_, text, err := c.readHead()
			if err != nil {
				return
			}
			if len(text) > len(data) {
				t.Fatalf("a text of %d bytes in %d", len(text), len(data))
			}
			if c.readBody(nil) != nil {
				return
			}
		}
	})
}
