// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
)

// A function that an interceptor has left running, as one does that answers from a cache
// when the service is slow, goes on with its own call, whatever calls are made meanwhile.
func TestInterceptorLeavesNextRunning(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*client.Option, rpcx.Interceptor){
		"around the call":    func(o *client.Option, i rpcx.Interceptor) { o.Interceptors = []rpcx.Interceptor{i} },
		"around the attempt": func(o *client.Option, i rpcx.Interceptor) { o.AttemptInterceptors = []rpcx.Interceptor{i} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived, ended := make(chan struct{}), make(chan string, 1)
			p := newPeer(t)
			var slow *protocol.Message
			p.answer(func(w *wire, m *protocol.Message) {
				switch m.Method {
				case "slow":
					slow = m
					close(arrived)
				case "release":
					w.reply(m, "ok")
					w.reply(slow, "late")
				default:
					w.echo(m)
				}
			})
			var o client.Option
			set(&o, unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
				if c.Method != "slow" {
					return next(ctx, c)
				}
				mine := *c
				mine.Reply = new([]byte)
				go func() {
					defer func() {
						if r := recover(); r != nil {
							ended <- fmt.Sprint("panic: ", r)
						}
					}()
					err := next(ctx, &mine)
					ended <- fmt.Sprintf("%s %v", *mine.Reply.(*[]byte), err)
				}()
				<-arrived
				return nil
			}))
			x := p.client(client.Failfast, o)
			call := func(method, args, want string) {
				t.Helper()
				var reply []byte
				if err := x.Call(context.Background(), method, []byte(args), &reply); err != nil || string(reply) != want {
					t.Errorf("%s: %q, %v", method, reply, err)
				}
			}
			call("slow", "x", "")
			for i := range 100 {
				call("echo", fmt.Sprint(i), fmt.Sprint(i))
			}
			call("release", "x", "ok")
			if got := receive(t, ended, "the end of what was left"); got != "late <nil>" {
				t.Errorf("what was left running ended with %s", got)
			}
		})
	}
}

// noticed is an observer that reads all that it is told.
type noticed struct{ last atomic.Pointer[string] }

func (*noticed) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

func (n *noticed) CallEnd(_ context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	text := fmt.Sprint(info, result)
	n.last.Store(&text)
}

// What was left running touches nothing that the caller or the observer of the call sees.
func TestInterceptorReturnsBesideNext(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) {
		r := answerTo(m, "late")
		r.Metadata = protocol.Pairs("from", "server")
		w.send(r)
	})
	var running sync.WaitGroup
	defer running.Wait()
	x := p.client(client.Failfast, client.Option{Observer: new(noticed), Interceptors: []rpcx.Interceptor{
		unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			mine := *c
			mine.Reply = new([]byte)
			begun := make(chan struct{})
			running.Go(func() {
				close(begun)
				_ = next(ctx, &mine) // or it comes too late
			})
			<-begun
			for range rand.IntN(200) {
				runtime.Gosched()
			}
			return nil
		}),
	}})
	for range 200 {
		var trailer rpcx.Metadata
		if err := x.Call(context.Background(), "M", []byte("x"), new([]byte), client.WithTrailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		if got := trailer.Get("from"); got != "" && got != "server" {
			t.Errorf("the trailer says %q", got)
		}
	}
}

// A call ends with the context that it was given, also if that is another call's, which
// ended first.
func TestCallInTheContextOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		beside := p.client(client.Failfast, client.Option{})
		ended := make(chan error, 1)
		x := p.client(client.Failfast, client.Option{Interceptors: []rpcx.Interceptor{
			unary(func(ctx context.Context, _ *rpcx.Call, _ rpcx.UnaryFunc) error {
				go func() { ended <- beside.Call(ctx, "M", []byte("x"), new([]byte)) }()
				p.accept().next()
				return nil
			}),
		}})
		began := time.Now()
		if err := x.Call(context.Background(), "M", []byte("x"), new([]byte), client.WithTimeout(time.Minute)); err != nil {
			t.Fatal(err)
		}
		wantError(t, <-ended, rpcx.Canceled, false)
		if took := time.Since(began); took != 0 {
			t.Errorf("it ended %v after the context", took)
		}
	})
}
