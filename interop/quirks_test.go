// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"slices"
	"testing"

	realprotocol "github.com/smallnest/rpcx/protocol"
	realserver "github.com/smallnest/rpcx/server"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// Real servers with habits that a client has to live with. Each test has a real server
// and our client.

// clientOf returns a client of one service.
func clientOf(t *testing.T, s serving, service string, opt client.Option) *client.XClient {
	t.Helper()
	opt.Logger, opt.ConnectTimeout = quiet(), dialTimeout
	x := client.NewXClient(service, client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(s.address(), ""), opt)
	t.Cleanup(func() { must(t, x.Close()) })
	return x
}

func mul(ctx context.Context, x *client.XClient) error {
	var r VReply
	if err := x.Call(ctx, "Mul", &VArgs{6, 7}, &r); err != nil {
		return err
	}
	if r.C != 42 {
		return errors.New("6 times 7 is wrong")
	}
	return nil
}

// A reply that is good may bear the error of another call. What counts is its status.
func TestErrorKeyInGoodReply(t *testing.T) {
	t.Parallel()
	s := recordedTheirs(t, "tcp", "127.0.0.1:0", condition{}, nil)
	var r VReply
	var trailer rpcx.Metadata
	err := clientOf(t, s, "Front", client.DefaultOption).Call(t.Context(), "Swallow", &VArgs{A: 3}, &r, client.WithTrailer(&trailer))
	if err != nil || r.C != 3 {
		t.Errorf("%v, %+v, want no error and 3", err, r)
	}
	if text := trailer.Get(realprotocol.ServiceError); text == "" {
		t.Error("rpcx has lost the habit: this test shows nothing any more")
	}
}

// A reply may bear other names than were called.
func TestAliasedNames(t *testing.T) {
	t.Parallel()
	s := recordedTheirs(t, "tcp", "127.0.0.1:0", condition{alias: true}, nil)
	var r VReply
	if err := clientOf(t, s, "a.b.c", client.DefaultOption).Call(t.Context(), "Times", &VArgs{6, 7}, &r); err != nil || r.C != 42 {
		t.Errorf("%v, %+v, want no error and 42", err, r)
	}
}

// reader is a plugin of a real server that has a say in every request.
type reader func(m *realprotocol.Message) error

func (f reader) PostReadRequest(_ context.Context, m *realprotocol.Message, err error) error {
	if err != nil {
		return err
	}
	return f(m)
}

// withReader starts a real server with such a plugin.
func withReader(t *testing.T, f reader) serving {
	s := &theirServer{Server: realserver.NewServer(), scheme: "tcp", ended: make(chan error, 1)}
	s.HandleServiceError = func(error) {}
	s.Plugins.Add(f)
	must(t, s.RegisterName("Arith", &Arith{theirSurroundings{s.Server}}, ""))
	go func() { s.ended <- s.Serve("tcp", "127.0.0.1:0") }()
	started(t, s.Started, s.ended)
	t.Cleanup(s.stop)
	return s
}

// A rate limit may refuse the hello, which is a heartbeat, with an error.
func TestHelloOverRateLimit(t *testing.T) {
	t.Parallel()
	s := withReader(t, func(m *realprotocol.Message) error {
		if m.IsHeartbeat() {
			return realserver.ErrReqReachLimit
		}
		return nil
	})
	x := clientOf(t, s, "Arith", client.DefaultOption)
	for range 3 {
		if err := mul(t.Context(), x); err != nil {
			t.Error(err)
		}
	}
}

// A rate limit that refuses calls is understood.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := withReader(t, func(m *realprotocol.Message) error {
		if m.IsHeartbeat() {
			return nil
		}
		return realserver.ErrReqReachLimit
	})
	err := mul(t.Context(), clientOf(t, s, "Arith", client.DefaultOption))
	if !errors.Is(err, rpcx.ResourceExhausted) || !rpcx.SafeToRetry(err) || err.Error() != "request reached rate limit" {
		t.Errorf("error %v, code %v, safe to retry %v", err, rpcx.CodeOf(err), rpcx.SafeToRetry(err))
	}
}

// Any other error of such a plugin costs the connection. One that does not know
// heartbeats, and is none the worse for that with real clients, refuses our hello: that
// is what Option.NoHello is for.
func TestHelloRefused(t *testing.T) {
	t.Parallel()
	s := withReader(t, func(m *realprotocol.Message) error {
		if m.ServicePath != "Arith" {
			return errors.New("not permitted: " + m.ServicePath)
		}
		return nil
	})
	must(t, mul(t.Context(), clientOf(t, s, "Arith", client.Option{NoHello: true})))
}

// foreign is a compression that real rpcx does not have.
type foreign struct{}

func (foreign) ID() protocol.CompressType { return 5 }
func (foreign) Name() string              { return "backwards" }

func (foreign) Compress(dst, src []byte) ([]byte, error) {
	src = slices.Clone(src)
	slices.Reverse(src)
	return append(dst, src...), nil
}

func (f foreign) Decompress(dst, src []byte, _ int) ([]byte, error) { return f.Compress(dst, src) }

// A compression that the server does not have is not used towards it.
func TestForeignCompression(t *testing.T) {
	t.Parallel()
	tap := newTap()
	s := recordedTheirs(t, "tcp", "127.0.0.1:0", condition{}, tap)
	x := clientOf(t, s, "Echo", client.Option{CompressType: foreign{}.ID(), Compressors: []compress.Compressor{foreign{}}})
	for range 3 { // once the hello has been answered as well
		sent, got := VBlob{string(make([]byte, 4000))}, VBlob{}
		if err := x.Call(t.Context(), "Blob", &sent, &got); err != nil || got != sent {
			t.Errorf("error %v, %d bytes", err, len(got.S))
		}
	}
	for _, f := range tap.all() {
		if f.Compress != protocol.None {
			t.Errorf("a frame with compression %v", f.Compress)
		}
	}
}

// foreignCodec is a codec that real rpcx does not have.
type foreignCodec struct{ json.Codec }

func (foreignCodec) ID() protocol.SerializeType { return 9 }

// A codec that the server does not have is an error that names it, of that call alone.
func TestForeignCodec(t *testing.T) {
	t.Parallel()
	s := recordedTheirs(t, "tcp", "127.0.0.1:0", condition{}, nil)
	x := clientOf(t, s, "Arith", client.Option{Codecs: []codec.Codec{foreignCodec{}}})
	err := x.Call(t.Context(), "Mul", &VArgs{6, 7}, new(VReply), client.WithSerializeType(9))
	if !errors.Is(err, rpcx.Unimplemented) || err.Error() != "can not find codec for 9" || !rpcx.SafeToRetry(err) {
		t.Errorf("error %v, code %v, safe to retry %v", err, rpcx.CodeOf(err), rpcx.SafeToRetry(err))
	}
	if err := mul(t.Context(), x); err != nil {
		t.Error(err)
	}
}

// A panic of a real handler is an internal error.
func TestRealPanic(t *testing.T) {
	t.Parallel()
	s := (theirs{})
	n := &network{name: "tcp", scheme: "tcp"}
	srv, err := s.serve(serverSetting{network: n, log: new(journal)})
	must(t, err)
	t.Cleanup(srv.stop)
	err = clientOf(t, srv, plainService, client.DefaultOption).Call(t.Context(), "Panic", &Args{Key: "k"}, new(Reply))
	if !errors.Is(err, rpcx.Internal) || rpcx.SafeToRetry(err) {
		t.Errorf("code %v, safe to retry %v", rpcx.CodeOf(err), rpcx.SafeToRetry(err))
	}
}
