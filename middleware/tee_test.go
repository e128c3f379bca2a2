// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// closing closes a Tee when the test ends.
func closing(t *testing.T, tee *middleware.Tee) *middleware.Tee {
	t.Helper()
	t.Cleanup(func() {
		if err := tee.Close(); err != nil {
			t.Error(err)
		}
	})
	return tee
}

func wantStats(t *testing.T, tee *middleware.Tee, want middleware.TeeStats) {
	t.Helper()
	if got := tee.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestTeeCopiesToAnotherServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		live, shadow := new(Arith), new(Arith)
		var language string
		next := rpctest.Serve(t, "Arith", shadow, server.WithInterceptor(rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
			return func(ctx context.Context, c *rpcx.Call) error {
				language = rpcx.IncomingMetadata(ctx).Get("language")
				if token := c.Header.Get("__AUTH"); token != "" {
					t.Errorf("the copy carries the caller's token %q", token)
				}
				return next(ctx, c)
			}
		}}))
		var answer any
		tee := closing(t, middleware.NewTee(middleware.TeeConfig{
			Logger: quiet(),
			To: func(ctx context.Context, c *rpcx.Call) error {
				err := next.Call(ctx, c.Method, c.Args, c.Reply)
				answer = c.Reply
				return err
			},
		}))
		x := rpctest.Serve(t, "Arith", live, server.WithInterceptor(tee.Interceptor()))
		x.Auth("a secret")
		reply := new(Reply)
		err := x.Call(t.Context(), "Mul", &Args{6, 7}, reply, client.WithMetadata(rpcx.Pairs("language", "de")))
		if err != nil || reply.C != 42 {
			t.Fatalf("%d, %v", reply.C, err)
		}
		synctest.Wait()
		if live.runs() != 1 || shadow.runs() != 1 {
			t.Errorf("ran %d times here and %d times there", live.runs(), shadow.runs())
		}
		if r, ok := answer.(*Reply); !ok || r.C != 42 {
			t.Errorf("the copy was answered with %v", answer)
		}
		if language != "de" {
			t.Errorf("the copy's metadata says %q", language)
		}
		wantStats(t, tee, middleware.TeeStats{Sent: 1})
	})
}

// However slow the copies are, the calls do not wait for them, and what does not fit is
// dropped and counted.
func TestTeeNeverSlowsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		tee := closing(t, middleware.NewTee(middleware.TeeConfig{
			To: hang, Queue: 10, Workers: 2, Timeout: time.Minute, Logger: log.logger(),
		}))
		call := around(tee.Interceptor(), succeed)
		began := time.Now()
		for range 100 {
			if err := call(t.Context(), served("")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // for the workers to take theirs
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the calls took %v", took)
		}
		wantStats(t, tee, middleware.TeeStats{Sent: 2, Dropped: 88})
		if got := log.take(t); len(got) != 1 || got[0]["msg"] != "copies of calls dropped: the queue is full" {
			t.Errorf("logged %v", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		wantStats(t, tee, middleware.TeeStats{Sent: 4, Failed: 2, Dropped: 88})
	})
}

func TestTeeFailuresStayThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		tee := closing(t, middleware.NewTee(middleware.TeeConfig{
			Workers: 1, Logger: quiet(),
			To: func(context.Context, *rpcx.Call) error {
				if n++; n == 1 {
					panic("no")
				}
				return errors.New("no")
			},
		}))
		want := errors.New("the call's own")
		call := around(tee.Interceptor(), func(context.Context, *rpcx.Call) error { return want })
		for range 2 {
			if err := call(t.Context(), served("")); err != want {
				t.Errorf("error %v", err)
			}
		}
		synctest.Wait()
		wantStats(t, tee, middleware.TeeStats{Sent: 2, Failed: 2})
	})
}

func TestTeeSample(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tee := closing(t, middleware.NewTee(middleware.TeeConfig{To: succeed, Sample: 10, Logger: quiet()}))
		call := around(tee.Interceptor(), succeed)
		for range 95 {
			_ = call(t.Context(), served(""))
		}
		synctest.Wait()
		wantStats(t, tee, middleware.TeeStats{Sent: 10})
	})
}

// On a client the arguments are the caller's, who may change them as soon as the call
// has returned.
func TestTeeCopiesArguments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got Args
		tee := closing(t, middleware.NewTee(middleware.TeeConfig{
			Logger: quiet(),
			Copy:   func(args any) any { a := *args.(*Args); return &a },
			To: func(ctx context.Context, c *rpcx.Call) error {
				got = *c.Args.(*Args)
				if c.Header.Get("k") != "v" || rpcx.OutgoingMetadata(ctx).Get("k") != "v" {
					t.Errorf("metadata %v", c.Header)
				}
				return nil
			},
		}))
		args := &Args{6, 7}
		c := &rpcx.Call{Side: rpcx.ClientSide, Args: args, Header: rpcx.Pairs("k", "v")}
		call := around(tee.Interceptor(), func(context.Context, *rpcx.Call) error {
			args.A = 0
			return nil
		})
		if err := call(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		args.B = 0
		synctest.Wait()
		if want := (Args{6, 7}); got != want {
			t.Errorf("the copy has %v, want %v", got, want)
		}
	})
}

func TestTeeClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tee := middleware.NewTee(middleware.TeeConfig{To: hang, Workers: 2, Timeout: time.Hour, Logger: quiet()})
		call := around(tee.Interceptor(), succeed)
		for range 5 {
			_ = call(t.Context(), served(""))
		}
		synctest.Wait()
		began := time.Now()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := tee.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if s := tee.Stats(); s.Sent+s.Dropped != 5 {
			t.Errorf("stats %+v do not account for 5 copies", s)
		}
		before := tee.Stats()
		if err := call(t.Context(), served("")); err != nil {
			t.Errorf("a call after Close: %v", err)
		}
		wantStats(t, tee, before)
	})
}
