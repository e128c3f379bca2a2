// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	realclient "github.com/smallnest/rpcx/client"
	realprotocol "github.com/smallnest/rpcx/protocol"
	realserver "github.com/smallnest/rpcx/server"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/interop/internal/pb"
	"github.com/rpcx-go/rpcx/interop/internal/th"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// The services that the transcripts were recorded with.

type (
	VArgs  struct{ A, B int }
	VReply struct{ C int }
	VBlob  struct{ S string }
)

type Arith struct{ in surroundings }

func (*Arith) Mul(_ context.Context, a *VArgs, r *VReply) error { r.C = a.A * a.B; return nil }

func (*Arith) Fail(context.Context, *VArgs, *VReply) error { return errors.New("arith failed: 除零") }

func (*Arith) FailWithReply(_ context.Context, _ *VArgs, r *VReply) error {
	r.C = 77
	return errors.New("partial result")
}

func (*Arith) FailJSON(context.Context, *VArgs, *VReply) error {
	return errors.New(`{"code": 100, "msg": "error from Mul"}`)
}

func (*Arith) Panic(context.Context, *VArgs, *VReply) error { panic("boom") }

func (*Arith) Slow(ctx context.Context, a *VArgs, r *VReply) error {
	timer := time.NewTimer(time.Duration(a.B) * time.Millisecond)
	defer timer.Stop()
	r.C = a.A
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (*Arith) Deadline(ctx context.Context, _ *VArgs, r *VReply) error {
	if at, ok := ctx.Deadline(); ok {
		r.C = int(time.Until(at).Milliseconds())
	}
	return nil
}

func (s *Arith) Meta(ctx context.Context, a *VArgs, r *VReply) error {
	s.in.reply(ctx, "server-says", "hi")
	r.C = a.A
	return nil
}

type Echo struct{}

func (*Echo) Bytes(_ context.Context, a, r *[]byte) error {
	*r = append([]byte(nil), *a...)
	return nil
}

func (*Echo) Str(_ context.Context, a, r *string) error { *r = *a; return nil }

func (*Echo) Blob(_ context.Context, a, r *VBlob) error { *r = *a; return nil }

func (*Echo) Big(_ context.Context, a *VArgs, r *VBlob) error {
	r.S = strings.Repeat("abcdefghijklmnopqrstuvwxyz", a.A/26+1)[:a.A]
	return nil
}

type PB struct{}

func (*PB) Mul(_ context.Context, a *pb.PArgs, r *pb.PReply) error {
	r.C = a.GetA() * a.GetB()
	return nil
}

type TH struct{}

func (*TH) Mul(_ context.Context, a *th.TArgs_, r *th.TReply) error { r.C = a.A * a.B; return nil }

// Bi pushes two messages with its first call.
type Bi struct {
	in     surroundings
	called atomic.Bool
}

func (s *Bi) Hello(ctx context.Context, a *VArgs, r *VReply) error {
	r.C = a.A
	if s.called.Swap(true) {
		return nil
	}
	return errors.Join(
		s.in.push(ctx, "notify", "tick", map[string]string{"n": "1"}, []byte("hello from server")),
		s.in.push(ctx, "", "", nil, []byte("again")))
}

// Front makes a call with the context that it was called with, and keeps the error of
// that to itself.
type Front struct {
	address string
	call    func(ctx context.Context, address string) error
}

func (s *Front) Swallow(ctx context.Context, a *VArgs, r *VReply) error {
	r.C = a.A
	if s.call(ctx, s.address) == nil {
		return errors.New("the inner call did not fail")
	}
	return nil
}

func fnMul(_ context.Context, a *VArgs, r *VReply) error {
	if a.B == 0 {
		return errors.New("function failed")
	}
	r.C = a.A * a.B
	return nil
}

// Times is what the alias of the transcripts leads to.
type aliased struct{}

func (aliased) Times(ctx context.Context, a *VArgs, r *VReply) error {
	return (*Arith)(nil).Mul(ctx, a, r)
}

// condition is how a server was set up for a transcript.
type condition struct {
	refuse    bool // every token
	rateLimit bool // one call
	errorFunc bool // error texts are rewritten
	alias     bool // a.b.c.Times leads to Arith.Mul
	maxFrame  int
}

func conditions(id string) condition {
	return condition{
		refuse:    strings.HasPrefix(id, "auth-"),
		rateLimit: id == "rate-limit",
		errorFunc: id == "server-error-func",
		alias:     id == "alias-plugin",
	}
}

// rewritten is what the transcripts' ServerErrorFunc makes of an error.
func rewritten(err error) string { return `{"code":500,"msg":"` + err.Error() + `"}` }

// recordedOurs starts our server with the services of the transcripts.
func recordedOurs(t *testing.T, network, address string, c condition) *ourServer {
	t.Helper()
	opts := []server.Option{
		server.WithCodec(optionalCodecs()...), server.WithLogger(quiet()),
		server.WithLimits(server.Limits{Limits: protocol.Limits{Frame: c.maxFrame}}),
	}
	if c.refuse {
		opts = append(opts, server.WithAuth(func(context.Context, string, string, string) error { return errors.New(wrongToken) }))
	}
	if c.rateLimit {
		var calls atomic.Int64
		opts = append(opts, intercept(func(next rpcx.UnaryFunc, ctx context.Context, call *rpcx.Call) error {
			if calls.Add(1) > 1 {
				return rpcx.Errorf(rpcx.ResourceExhausted, "request reached rate limit").NotExecuted()
			}
			return next(ctx, call)
		}))
	}
	if c.errorFunc {
		opts = append(opts, intercept(func(next rpcx.UnaryFunc, ctx context.Context, call *rpcx.Call) error {
			err := next(ctx, call)
			if err == nil {
				return nil
			}
			call.Trailer = rpcx.Pairs("code", "500")
			return errors.New(rewritten(err))
		}))
	}
	s := &ourServer{Server: server.NewServer(opts...), scheme: network, ended: make(chan error, 1)}
	front := &Front{call: innerOurs}
	for name, rcvr := range recordedServices(ourSurroundings{}, front) {
		must(t, s.RegisterName(name, rcvr, ""))
	}
	must(t, s.RegisterFunctionName("Fn", "Mul", fnMul, ""))
	must(t, s.HandleRaw("Raw", "Mul", func(ctx context.Context, in, out *protocol.Message) error {
		var a VArgs
		var r VReply
		if err := (msgpack.Codec{}).Unmarshal(in.Payload, &a); err != nil {
			return err
		}
		if a.B == 0 {
			return errors.New("handler failed")
		}
		r.C = a.A * a.B
		var err error
		out.Payload, err = msgpack.Codec{}.Append(nil, &r)
		return err
	}))
	if c.alias {
		must(t, s.RegisterName("a.b.c", aliased{}, ""))
	}
	go func() { s.ended <- s.Serve(network, address) }()
	started(t, s.Started(), s.ended)
	front.address = s.address()
	t.Cleanup(s.stop)
	return s
}

func intercept(around func(next rpcx.UnaryFunc, ctx context.Context, call *rpcx.Call) error) server.Option {
	return server.WithInterceptor(rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, call *rpcx.Call) error { return around(next, ctx, call) }
	}})
}

// recordedTheirs does the same with a real server: the control.
func recordedTheirs(t *testing.T, network, address string, c condition, tp *tap) *theirServer {
	t.Helper()
	s := &theirServer{Server: realserver.NewServer(), scheme: network, ended: make(chan error, 1)}
	s.HandleServiceError = func(error) {}
	if c.refuse {
		s.AuthFunc = func(context.Context, *realprotocol.Message, string) error { return errors.New(wrongToken) }
	}
	if c.rateLimit {
		s.Plugins.Add(&rateLimit{})
	}
	if c.errorFunc {
		s.ServerErrorFunc = func(res *realprotocol.Message, err error) string {
			res.Metadata["code"] = "500"
			return rewritten(err)
		}
	}
	front := &Front{call: innerTheirs}
	for name, rcvr := range recordedServices(theirSurroundings{s.Server}, front) {
		must(t, s.RegisterName(name, rcvr, ""))
	}
	must(t, s.RegisterFunctionName("Fn", "Mul", fnMul, ""))
	s.AddHandler("Raw", "Mul", func(ctx *realserver.Context) error {
		var a VArgs
		if err := ctx.Bind(&a); err != nil {
			return err
		}
		if a.B == 0 {
			return errors.New("handler failed")
		}
		return ctx.Write(&VReply{C: a.A * a.B})
	})
	if c.alias {
		s.Plugins.Add(alias{})
	}
	ln, err := net.Listen(network, address)
	must(t, err)
	if tp != nil {
		ln = tp.listener(ln)
	}
	go func() { s.ended <- s.ServeListener(network, ln) }()
	started(t, s.Started, s.ended)
	front.address = s.address()
	t.Cleanup(s.stop)
	return s
}

// rateLimit and alias do what the plugins of real rpcx do.
type (
	rateLimit struct{ requests atomic.Int64 }
	alias     struct{}
)

func (p *rateLimit) PostReadRequest(context.Context, *realprotocol.Message, error) error {
	if p.requests.Add(1) == 2 {
		return realserver.ErrReqReachLimit
	}
	return nil
}

func (alias) PostReadRequest(_ context.Context, m *realprotocol.Message, _ error) error {
	if m.ServicePath == "a.b.c" {
		m.ServicePath, m.ServiceMethod = "Arith", "Mul"
	}
	return nil
}

func recordedServices(in surroundings, front *Front) map[string]any {
	return map[string]any{
		"Arith": &Arith{in}, "Echo": new(Echo), "PB": new(PB), "TH": new(TH), "Bi": &Bi{in: in}, "Front": front,
	}
}

// innerOurs passes on all that a program of ours can pass on.
func innerOurs(ctx context.Context, address string) error {
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(address, ""), client.DefaultOption)
	defer x.Close()
	return x.Call(rpcx.WithMetadata(ctx, rpcx.IncomingMetadata(ctx)), "Fail", &VArgs{1, 2}, new(VReply))
}

func innerTheirs(ctx context.Context, address string) error {
	d, err := realclient.NewPeer2PeerDiscovery(address, "")
	if err != nil {
		return err
	}
	x := realclient.NewXClient("Arith", realclient.Failfast, realclient.RandomSelect, d, realclient.DefaultOption)
	defer x.Close()
	return x.Call(ctx, "Fail", &VArgs{1, 2}, new(VReply))
}

func started(t *testing.T, up <-chan struct{}, ended <-chan error) {
	t.Helper()
	select {
	case <-up:
	case err := <-ended:
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
