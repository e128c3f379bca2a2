// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// lockedBuffer takes a log that is written to from many goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// nilError is the classic mistake: a nil pointer in an error, with a method that does
// not expect that.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// panickyCodec panics in each of its methods that do work.
type panickyCodec struct{}

func (panickyCodec) ID() protocol.SerializeType         { return 9 }
func (panickyCodec) Name() string                       { return "panicky" }
func (panickyCodec) Append([]byte, any) ([]byte, error) { panic("append") }
func (panickyCodec) Unmarshal(data []byte, _ any) error {
	if len(data) > 0 {
		panic("unmarshal")
	}
	return nil
}

var _ codec.Codec = panickyCodec{}

// A panic in anybody's code ends its own call, with a text that gives nothing away;
// the log has the rest. Calls beside it go on.
func TestPanicStaysInItsCall(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	w := inMemory(t,
		server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		server.WithCodec(panickyCodec{}),
		server.WithAuth(func(_ context.Context, _, _, token string) error {
			if token == "panic" {
				panic("secret in auth")
			}
			return nil
		})).arith()
	w.handle("panic", func(_ context.Context, args *Args, _ *Reply) error {
		switch args.A {
		case 0:
			panic("secret text")
		case 1:
			panic(errors.New("secret error"))
		case 2:
			var m map[string]int
			m["x"] = 1 //nolint:staticcheck // the panic is the test
		case 3:
			panic(nil) //nolint:govet // the point
		case 4:
			var p *Args
			args.B = p.A
		case 5:
			panic((*nilError)(nil)) // its Error method panics again
		case 6:
			defer func() { panic("second secret") }()
			panic("secret first")
		}
		return nil
	})
	w.handle("nil error", func(context.Context, *Args, *Reply) error {
		var e *nilError
		return e
	})
	if err := server.Handle(w.Server, "S", "decode", func(context.Context, *panicky, *Reply) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := server.Handle(w.Server, "S", "encode", func(context.Context, *Args, *panicky) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.HandleRaw("S", "raw", func(context.Context, *protocol.Message, *protocol.Message) error { panic("secret raw") }); err != nil {
		t.Fatal(err)
	}

	beside := newBlocker()
	w.handle("beside", beside.handle)
	p := w.dial(t)
	p.send(numbered(77, request("S", "beside", `{"A":6,"B":7}`)))
	wait(t, "the handler beside", beside.began)

	withCodec := func(payload string) *protocol.Message {
		m := request("Arith", "Mul", payload)
		m.Serialize = 9
		return m
	}
	requests := map[string]*protocol.Message{
		"a text":            request("S", "panic", `{"A":0}`),
		"an error":          request("S", "panic", `{"A":1}`),
		"a nil map":         request("S", "panic", `{"A":2}`),
		"nil":               request("S", "panic", `{"A":3}`),
		"a nil pointer":     request("S", "panic", `{"A":4}`),
		"one that panics":   request("S", "panic", `{"A":5}`),
		"twice":             request("S", "panic", `{"A":6}`),
		"error that panics": request("S", "nil error", `{}`),
		"decoding":          request("S", "decode", `{}`),
		"encoding":          request("S", "encode", `{}`),
		"raw handler":       request("S", "raw", ``),
		"auth":              with(request("Arith", "Mul", `{}`), "__AUTH", "panic"),
		"codec, unmarshal":  withCodec("x"),
		"codec, append":     withCodec(""),
	}
	for name, m := range requests {
		before := w.Stats().Panics
		got := p.call(m)
		if text := errorText(got); text != "[service internal error]: panic, method: "+m.Method {
			t.Errorf("%s: text is %q", name, text)
		}
		if errorCode(got) != "13" || got.Metadata.Get("__rpcx_not_executed") != "" || strings.Contains(string(got.Payload), "secret") {
			t.Errorf("%s: answered with %q %v", name, got.Payload, got.Metadata.Map())
		}
		if w.Stats().Panics == before {
			t.Errorf("%s: the panic is not counted", name)
		}
	}
	for _, m := range requests {
		p.send(oneway(m)) // nothing more happens when there is no answer
	}
	p.silent()
	close(beside.release)
	if got := p.receive(); got.Seq != 77 || string(got.Payload) != `{"C":42}` {
		t.Errorf("the call beside is answered with %d %s", got.Seq, got.Payload)
	}
	text := log.String()
	for _, want := range []string{"panic while serving a call", "secret text", "secret error", "method=panic", "service=S", "panic_test.go"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// goexits registers handlers that end their goroutine: at once, after their connection
// was taken over, and in the pool.
func goexits(w *world) {
	w.handle("goexit", func(context.Context, *Args, *Reply) error {
		runtime.Goexit()
		return nil
	})
	w.handle("goexit later", func(context.Context, *Args, *Reply) error {
		time.Sleep(time.Second)
		runtime.Goexit()
		return nil
	})
	w.handle("slow once", func(_ context.Context, args *Args, _ *Reply) error {
		time.Sleep(time.Second)
		if args.A == 1 {
			runtime.Goexit()
		}
		return nil
	})
}

// A handler that ends its goroutine, as t.FailNow does, costs its connection and
// nothing else. Nothing of it is left.
func TestGoexit(t *testing.T) {
	t.Parallel()
	auth := server.WithAuth(func(_ context.Context, _, _, token string) error {
		switch token {
		case "goexit later":
			time.Sleep(time.Second)
			runtime.Goexit()
		case "goexit":
			runtime.Goexit()
		}
		return nil
	})
	for name, frames := range map[string][]*protocol.Message{
		"at once":         {request("S", "goexit", `{}`)},
		"after a while":   {request("S", "goexit later", `{}`)},
		"in the pool":     {request("S", "slow once", `{}`), request("S", "slow once", `{"A":1}`)},
		"in auth":         {with(request("Arith", "Mul", `{}`), "__AUTH", "goexit")},
		"in auth, later":  {with(request("Arith", "Mul", `{}`), "__AUTH", "goexit later")},
		"two at a time":   {request("S", "goexit later", `{}`), request("S", "goexit later", `{}`)},
		"beside others":   {request("S", "slow once", `{}`), request("S", "goexit later", `{}`), request("Arith", "Mul", `{}`)},
		"without answers": {oneway(request("S", "goexit later", `{}`))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t, auth).arith()
				goexits(w)
				p := w.dial(t)
				p.send(frames...)
				for {
					if _, err := p.next(); err != nil {
						break
					}
				}
				time.Sleep(time.Minute)
				if n := len(w.Conns()); n != 0 {
					t.Errorf("%d connections are left", n)
				}
				if n := w.Stats().Handlers; n != 0 {
					t.Errorf("%d handlers are said to run", n)
				}
				w.mustWork(t)
			})
		})
	}
}

// What had been answered before, in the same batch, still arrives.
func TestGoexitKeepsEarlierAnswers(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	goexits(w)
	p := w.dial(t)
	p.send(request("Arith", "Mul", `{"A":6,"B":7}`), request("S", "goexit", `{}`))
	if got := p.receive(); string(got.Payload) != `{"C":42}` {
		t.Errorf("the call before is answered with %s", got.Payload)
	}
	p.closed()
}

// An error whose methods panic must not end the process, wherever it is used.
func TestErrorThatPanicsInAuth(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token == "x" {
			var e *nilError
			return e
		}
		return nil
	})).arith()
	got := w.dial(t).call(with(request("Arith", "Mul", `{}`), "__AUTH", "x"))
	if got.Status != protocol.Error || rpcx.FromWire(got.Metadata).Code() != rpcx.Unauthenticated {
		t.Errorf("answered with %v", got.Metadata.Map())
	}
	w.mustWork(t)
}
