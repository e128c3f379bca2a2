// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

// journal is what interceptors write down.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// around returns an interceptor that notes when it is entered and left.
func (j *journal) around(name string) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			peer := "nobody"
			if c.Peer.Addr != nil {
				peer = c.Peer.Addr.String()
			}
			j.note("> %s %s.%s", name, c.Service, c.Method)
			err := next(ctx, c)
			if c.Peer.Addr != nil {
				peer = c.Peer.Addr.String()
			}
			j.note("< %s %s %v", name, peer, rpcx.CodeOf(err))
			return err
		}
	}}
}

// Interceptors run once around the call, attempt interceptors around each attempt.
func TestInterceptors(t *testing.T) {
	t.Parallel()
	var j journal
	f := newFleet(t, crash, ok)
	x := f.client(client.Failover, client.Option{
		Interceptors:        []rpcx.Interceptor{j.around("a"), {}, j.around("b")},
		AttemptInterceptors: []rpcx.Interceptor{j.around("c"), j.around("d")},
	})
	var reply []byte
	err := x.Call(t.Context(), "M", []byte("id"), &reply)
	wantOK(t, result{string(reply), err}, "from node1")
	want := []string{
		"> a S.M", "> b S.M",
		"> c S.M", "> d S.M", "< d node0 unavailable", "< c node0 unavailable",
		"> c S.M", "> d S.M", "< d node1 code 0", "< c node1 code 0",
		"< b node1 code 0", "< a node1 code 0",
	}
	if got := j.all(); !slices.Equal(got, want) {
		t.Errorf("ran as\n%q, want\n%q", got, want)
	}
}

// unary wraps a function as an interceptor.
func unary(f func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error { return f(ctx, c, next) }
	}}
}

// Interceptors may refuse a call, change it, change its context, and make it again.
// So may those of an attempt.
func TestInterceptorsChangeCalls(t *testing.T) {
	t.Parallel()
	type key struct{}
	tests := []struct {
		name  string
		f     func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error
		reply string
		code  rpcx.Code
		calls int
	}{
		{"refuse", func(context.Context, *rpcx.Call, rpcx.UnaryFunc) error {
			return rpcx.PermissionDenied
		}, "", rpcx.PermissionDenied, 0},
		{"answer", func(_ context.Context, c *rpcx.Call, _ rpcx.UnaryFunc) error {
			*c.Reply.(*[]byte) = []byte("from the cache")
			return nil
		}, "from the cache", 0, 0},
		{"header", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			c.Header = c.Header.With("k", "changed")
			return next(ctx, c)
		}, "x changed", 0, 1},
		{"arguments and method", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			c.Args, c.Method = []byte("y"), "N"
			return next(ctx, c)
		}, "N: y v", 0, 1},
		{"a copy of the call", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			other := *c
			other.Args = []byte("copied")
			err := next(ctx, &other)
			if other.Peer.Addr == nil {
				return errors.New("the copy was not told of the outcome")
			}
			return err
		}, "copied v", 0, 1},
		{"derived context", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			ctx, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
			defer cancel()
			return next(ctx, c)
		}, "x v", 0, 1},
		{"ended context", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return next(ctx, c)
		}, "", rpcx.Canceled, 0},
		{"foreign context", func(_ context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			return next(context.Background(), c)
		}, "", rpcx.Internal, 0},
		{"twice", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			return errors.Join(next(ctx, c), next(ctx, c))
		}, "x v", 0, 2},
		{"another error", func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			_ = next(ctx, c)
			return rpcx.Errorf(rpcx.Aborted, "on second thoughts")
		}, "x v", rpcx.Aborted, 1},
	}
	for _, tt := range tests {
		for _, around := range []string{"call", "attempt", "both"} {
			t.Run(tt.name+" around "+around, func(t *testing.T) {
				t.Parallel()
				s := rpctest.NewServer(t)
				var calls journal
				serve := func(name string) func(ctx context.Context, args, reply *[]byte) error {
					return func(ctx context.Context, args, reply *[]byte) error {
						calls.note("%s", args)
						*reply = fmt.Appendf(nil, "%s%s %s", name, *args, rpcx.IncomingMetadata(ctx).Get("k"))
						return nil
					}
				}
				handle(t, s.Server, "M", serve(""))
				handle(t, s.Server, "N", serve("N: "))
				var opt client.Option
				idle := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error { return next(ctx, c) })
				switch around {
				case "call":
					opt.Interceptors = []rpcx.Interceptor{unary(tt.f)}
				case "attempt":
					opt.AttemptInterceptors = []rpcx.Interceptor{unary(tt.f)}
				default:
					opt.Interceptors, opt.AttemptInterceptors = []rpcx.Interceptor{unary(tt.f)}, []rpcx.Interceptor{idle}
				}
				x := s.Client(t, "S", opt)
				var reply []byte
				err := x.Call(t.Context(), "M", []byte("x"), &reply, client.WithMetadata(rpcx.Pairs("k", "v")))
				if rpcx.CodeOf(err) != tt.code || string(reply) != tt.reply {
					t.Errorf("got %q, %v; want %q, %v", reply, err, tt.reply, tt.code)
				}
				if n := len(calls.all()); n != tt.calls {
					t.Errorf("the handler ran %d times, want %d", n, tt.calls)
				}
			})
		}
	}
}

// An interceptor that makes a failed call again gets the errors of its own turn.
func TestInterceptorRetries(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "crash fail ok")
	var errs []error
	retry := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		for {
			err := next(ctx, c)
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
	})
	x := f.client(client.Failfast, client.Option{Interceptors: []rpcx.Interceptor{retry}})
	var reply []byte
	err := x.Call(t.Context(), "M", []byte("id"), &reply)
	wantOK(t, result{string(reply), err}, "from node0")
	if len(errs) != 2 || rpcx.CodeOf(errs[0]) != rpcx.Unavailable || errs[1].Error() != "no luck" {
		t.Errorf("errors are %q", errs)
	}
}

// A raw call passes the interceptors as well.
func TestInterceptRawCall(t *testing.T) {
	t.Parallel()
	var j journal
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "re: "+string(m.Payload)) })
	x := p.client(client.Failfast, client.Option{
		Interceptors: []rpcx.Interceptor{j.around("a")}, AttemptInterceptors: []rpcx.Interceptor{j.around("b")},
	})
	_, payload, err := x.SendRaw(t.Context(), &protocol.Message{Method: "M", Payload: []byte("x")})
	if err != nil || string(payload) != "re: x" {
		t.Errorf("got %q, %v", payload, err)
	}
	if want := []string{"> a S.M", "> b S.M", "< b peer code 0", "< a peer code 0"}; !slices.Equal(j.all(), want) {
		t.Errorf("ran as %q, want %q", j.all(), want)
	}
}

// An observer is told of the call and of every attempt, with what went over the wire.
func TestObserver(t *testing.T) {
	t.Parallel()
	seen := newWatcher()
	f := newFleet(t, crash, ok)
	x := f.client(client.Failover, client.Option{Observer: seen})
	var reply []byte
	err := x.Call(t.Context(), "M", []byte("request"), &reply, client.WithMetadata(rpcx.Pairs("k", "v")))
	wantOK(t, result{string(reply), err}, "from node1")
	for i, attempt := range []int{0, 1, 2} {
		info := receive(t, seen.starts, "a start")
		if info.Attempt != attempt || info.Side != rpcx.ClientSide || info.Service != "S" || info.Method != "M" ||
			info.Oneway || info.Header.Get("k") != "v" {
			t.Errorf("start %d is %+v", i, info)
		}
	}
	for _, want := range []struct {
		attempt, sent, received int
		peer                    string
		code                    rpcx.Code
	}{{1, 7, 0, "node0", rpcx.Unavailable}, {2, 7, 10, "node1", 0}, {0, 0, 0, "", 0}} {
		end := receive(t, seen.ends, "an end")
		peer := ""
		if end.info.Peer.Addr != nil {
			peer = end.info.Peer.Addr.String()
		}
		if end.info.Attempt != want.attempt || peer != want.peer || rpcx.CodeOf(end.result.Err) != want.code ||
			end.result.RequestBytes != want.sent || end.result.ReplyBytes != want.received || end.result.Duration <= 0 {
			t.Errorf("end is %+v of %+v, want %+v", end.result, end.info, want)
		}
	}
	if n := len(seen.starts) + len(seen.ends); n != 0 {
		t.Errorf("%d more events", n)
	}
	for _, node := range []string{"node0", "node1"} {
		if info := receive(t, seen.opened, "a connection"); info.Side != rpcx.ClientSide || info.Peer.Addr.String() != node {
			t.Errorf("connection is %+v, want to %s", info, node)
		}
	}
	end := receive(t, seen.closed, "the end of a connection")
	if end.info.Peer.Addr.String() != "node0" || rpcx.CodeOf(end.reason) != rpcx.Unavailable {
		t.Errorf("connection ended: %+v", end)
	}
	x.Close()
	if end = receive(t, seen.closed, "the end of a connection"); rpcx.CodeOf(end.reason) != rpcx.Canceled {
		t.Errorf("connection ended: %+v", end)
	}
}

// The context that an observer returns is the one that the call goes on with.
func TestObserverContext(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	o := &tracer{}
	var inner []any
	x := s.Client(t, "S", client.Option{
		Observer: o,
		AttemptInterceptors: []rpcx.Interceptor{unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			inner = append(inner, ctx.Value(tracerKey{}))
			return next(ctx, c)
		})},
	})
	if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
		t.Fatal(err)
	}
	if err := x.Oneshot(t.Context(), "M", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if want := []any{1, 3}; !slices.Equal(inner, want) {
		t.Errorf("the attempts saw %v, want the numbers of their calls, %v", inner, want)
	}
	if want := map[string]int{"0 false": 1, "1 false": 2, "0 true": 3, "1 true": 4}; !maps.Equal(o.ended, want) {
		t.Errorf("calls ended as %v, want %v", o.ended, want)
	}
}

// tracer numbers what begins, in the context, and notes the number under which it ends.
type tracer struct {
	last  int
	ended map[string]int
}

type tracerKey struct{}

func (o *tracer) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context {
	o.last++
	return context.WithValue(ctx, tracerKey{}, o.last)
}

func (o *tracer) CallEnd(ctx context.Context, info *rpcx.CallInfo, _ *rpcx.CallResult) {
	if o.ended == nil {
		o.ended = make(map[string]int)
	}
	o.ended[fmt.Sprint(info.Attempt, info.Oneway)], _ = ctx.Value(tracerKey{}).(int)
}
