// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// unary is an interceptor from a function that is given next.
func unary(f func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error { return f(ctx, c, next) }
	}}
}

// journal notes what happens, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// Authentication, then the interceptors from the outside in, then the handler.
func TestOrderOfTheChain(t *testing.T) {
	t.Parallel()
	var j journal
	around := func(name string) rpcx.Interceptor {
		return unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			j.note(name + " in")
			defer j.note(name + " out")
			return next(ctx, c)
		})
	}
	w := inMemory(t,
		server.WithInterceptor(around("1"), rpcx.Interceptor{}, around("2")),
		server.WithInterceptor(around("3")),
		server.WithAuth(func(context.Context, string, string, string) error {
			j.note("auth")
			return nil
		}))
	w.handle("h", func(context.Context, *Args, *Reply) error {
		j.note("handler")
		return nil
	})
	w.dial(t).call(request("S", "h", `{}`))
	want := []string{"auth", "1 in", "2 in", "3 in", "handler", "3 out", "2 out", "1 out"}
	if got := j.take(); !slices.Equal(got, want) {
		t.Errorf("order is %v, want %v", got, want)
	}
}

// What an interceptor sees of a call, for each kind of handler.
func TestInterceptorSeesTheCall(t *testing.T) {
	t.Parallel()
	var seen rpcx.Call
	var replied any
	w := inMemory(t, server.WithInterceptor(unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		seen = *c
		err := next(ctx, c)
		replied = c.Reply
		return err
	}))).arith()
	if err := w.HandleRaw("Raw", "r", func(_ context.Context, _, out *protocol.Message) error {
		out.Payload = []byte("raw reply")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p := w.dial(t)
	p.call(with(request("Arith", "Mul", `{"A":6,"B":7}`), "k", "v", "__AUTH", "token"))
	args, _ := seen.Args.(*Args)
	reply, _ := replied.(*Reply)
	if seen.Service != "Arith" || seen.Method != "Mul" || args == nil || *args != (Args{6, 7}) || reply == nil || reply.C != 42 {
		t.Errorf("the interceptor saw %+v, then %+v", seen, replied)
	}
	if seen.Oneway || seen.Header.Get("k") != "v" || seen.Peer.Network != "mem" || seen.Peer.Addr.String() != p.LocalAddr().String() {
		t.Errorf("the interceptor saw oneway %t, header %v, peer %v", seen.Oneway, seen.Header.Map(), seen.Peer)
	}
	p.call(request("Raw", "r", "raw request"))
	in, _ := seen.Args.(*protocol.Message)
	out, _ := replied.(*protocol.Message)
	if in == nil || string(in.Payload) != "raw request" || out == nil || string(out.Payload) != "raw reply" {
		t.Errorf("of a raw call the interceptor saw %+v, then %+v", seen.Args, replied)
	}
	p.send(oneway(request("Arith", "Mul", `{}`)))
	p.send(oneway(request("Arith", "Mul", `{}`))) // the first one is done when this one runs
	p.silent()
}

// What an interceptor may do to a call, and what the caller gets of it.
func TestInterceptorChangesTheCall(t *testing.T) {
	t.Parallel()
	type key struct{}
	do := map[string]func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error{
		"": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error { return next(ctx, c) },
		"refuse": func(context.Context, *rpcx.Call, rpcx.UnaryFunc) error {
			return rpcx.Errorf(rpcx.ResourceExhausted, "request reached rate limit").NotExecuted()
		},
		"answer": func(_ context.Context, c *rpcx.Call, _ rpcx.UnaryFunc) error {
			c.Reply = &Reply{C: 1}
			return nil
		},
		"leave the reply": func(context.Context, *rpcx.Call, rpcx.UnaryFunc) error { return nil },
		"swallow": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			_ = next(ctx, c)
			return nil
		},
		"change args": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			c.Args = &Args{A: 10, B: 10}
			return next(ctx, c)
		},
		"change reply": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			err := next(ctx, c)
			c.Reply = map[string]int{"C": 5}
			return err
		},
		"twice": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			return errors.Join(next(ctx, c), next(ctx, c))
		},
		"trailer": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			err := next(ctx, c)
			c.Trailer = rpcx.Pairs("added", "behind")
			return err
		},
		"value": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			return next(context.WithValue(ctx, key{}, "from the interceptor"), c)
		},
		"cancel": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errors.New("enough"))
			return next(ctx, c)
		},
		"lost context": func(_ context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			return next(context.Background(), c)
		},
		"wrong args": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			c.Args = "something else"
			return next(ctx, c)
		},
		"no args": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			c.Args, c.Reply = nil, nil
			return next(ctx, c)
		},
		"no reply": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			err := next(ctx, c)
			c.Reply = nil
			return err
		},
		"panic before": func(context.Context, *rpcx.Call, rpcx.UnaryFunc) error { panic("interceptor") },
		"panic behind": func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			_ = next(ctx, c)
			panic("interceptor")
		},
	}
	w := inMemory(t, server.WithInterceptor(unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		return do[c.Header.Get("do")](ctx, c, next)
	}))).arith()
	w.handle("value", func(ctx context.Context, _ *Args, _ *Reply) error {
		v, _ := ctx.Value(key{}).(string)
		return errors.Join(context.Cause(ctx), rpcx.SetReplyMetadata(ctx, "value", v), rpcx.SetReplyMetadata(ctx, "mine", "too"))
	})
	for _, kind := range []string{"typed", "reflected", "raw"} {
		var err error
		switch kind {
		case "typed":
			err = server.Handle(w.Server, kind, "mul", Arith{}.Mul)
		case "reflected":
			err = w.RegisterFunctionName(kind, "mul", Arith{}.Mul, "")
		case "raw":
			err = w.HandleRaw(kind, "mul", func(_ context.Context, in, out *protocol.Message) error {
				out.Payload = in.Payload
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p := w.dial(t)
	const args = `{"A":6,"B":7}`
	for _, c := range []struct{ service, method, do, payload, text, code string }{
		{"Arith", "Mul", "", `{"C":42}`, "", ""},
		{"Arith", "Mul", "refuse", "", "request reached rate limit", "8"},
		{"Arith", "Mul", "answer", `{"C":1}`, "", ""},
		{"Arith", "Mul", "leave the reply", `{"C":0}`, "", ""},
		{"Arith", "Fail", "swallow", `{"C":6}`, "", ""},
		{"Arith", "Mul", "change args", `{"C":100}`, "", ""},
		{"Arith", "Mul", "change reply", `{"C":5}`, "", ""},
		{"Arith", "Mul", "twice", `{"C":42}`, "", ""},
		{"Arith", "Mul", "lost context", "", "server: an interceptor passed on a context that is not the call's", "13"},
		{"typed", "mul", "wrong args", `{"C":0}`, "server: an interceptor passed string and *server_test.Reply on to typed.mul", "2"},
		{"reflected", "mul", "wrong args", "", "[service internal error]: panic, method: mul", "13"},
		{"raw", "mul", "wrong args", "", "[service internal error]: panic, method: mul", "13"},
		{"typed", "mul", "no args", "null", "server: an interceptor passed <nil> and <nil> on to typed.mul", "2"},
		{"reflected", "mul", "no args", "", "[service internal error]: panic, method: mul", "13"},
		{"raw", "mul", "no args", "", "[service internal error]: panic, method: mul", "13"},
		{"raw", "mul", "no reply", "", "[service internal error]: panic, method: mul", "13"},
		{"raw", "mul", "change reply", "", "[service internal error]: panic, method: mul", "13"},
		{"Arith", "Mul", "no reply", "null", "", ""},
		{"Arith", "Mul", "panic before", "", "[service internal error]: panic, method: Mul", "13"},
		{"Arith", "Mul", "panic behind", `{"C":42}`, "[service internal error]: panic, method: Mul", "13"},
	} {
		got := p.call(with(request(c.service, c.method, args), "do", c.do))
		if string(got.Payload) != c.payload || errorText(got) != c.text || errorCode(got) != c.code {
			t.Errorf("%s.%s, %q: %q %q %s, want %q %q %s", c.service, c.method, c.do,
				got.Payload, errorText(got), errorCode(got), c.payload, c.text, c.code)
		}
	}
	got := p.call(with(request("S", "value", args), "do", "value"))
	if got.Metadata.Get("value") != "from the interceptor" {
		t.Errorf("a handler behind another context: %v", got.Metadata.Map())
	}
	got = p.call(with(request("S", "value", args), "do", "trailer"))
	if got.Metadata.Get("added") != "behind" || got.Metadata.Get("mine") != "too" {
		t.Errorf("an interceptor's trailer and the handler's: %v", got.Metadata.Map())
	}
	got = p.call(with(request("S", "value", args), "do", "cancel"))
	if !strings.HasPrefix(errorText(got), "enough") {
		t.Errorf("a canceled context: %v", got.Metadata.Map())
	}
}

// An interceptor is built once and then runs concurrently.
func TestInterceptorIsBuiltOnce(t *testing.T) {
	t.Parallel()
	built := 0
	w := inMemory(t, server.WithInterceptor(rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		built++
		return next
	}})).arith()
	for range 3 {
		w.mustWork(t)
	}
	if built != 1 {
		t.Errorf("the interceptor was built %d times", built)
	}
}
