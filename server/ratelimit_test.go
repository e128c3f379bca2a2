// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// What is over the limit is refused before anything of it is looked at, with the time
// after which it would pass.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		w := inMemory(t, server.WithRateLimit(server.RateLimit{Rate: 10, Burst: 2}),
			server.WithAuth(func(context.Context, string, string, string) error { asked++; return nil })).arith()
		p := w.dial(t)
		for i := range 5 {
			got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`))
			if ok := errorCode(got) == ""; ok != (i < 2) {
				t.Errorf("call %d: %v", i, got.Metadata.Map())
			}
		}
		got := p.call(request("Arith", "Mul", `not JSON`))
		if want := fmt.Sprint(uint32(rpcx.ResourceExhausted)); errorCode(got) != want {
			t.Errorf("the code is %q, want %s", errorCode(got), want)
		}
		if pause := got.Metadata.Get("__rpcx_pause"); pause != "100" {
			t.Errorf("the pause is %q, want 100", pause)
		}
		if got.Metadata.Get("__rpcx_not_executed") != "1" {
			t.Error("the caller does not learn that the call did not run")
		}
		if asked != 2 {
			t.Errorf("%d calls were authenticated, want the 2 that passed", asked)
		}
		time.Sleep(100 * time.Millisecond)
		if got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`)); errorCode(got) != "" {
			t.Errorf("after the pause: %v", got.Metadata.Map())
		}
	})
}

// The error is one that clients of this project may try again, and wait for.
func TestRateLimitIsRetryable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithRateLimit(server.RateLimit{Rate: 1, Burst: 1})).arith()
		x := w.client(t, "Arith", client.Option{})
		var reply Reply
		if err := x.Call(t.Context(), "Mul", Args{2, 3}, &reply); err != nil {
			t.Fatal(err)
		}
		err := x.Call(t.Context(), "Mul", Args{2, 3}, &reply)
		var e *rpcx.Error
		if !errors.As(err, &e) || !rpcx.SafeToRetry(err) || e.Pause() <= 0 || e.Code() != rpcx.ResourceExhausted {
			t.Errorf("%v: code %v, safe to retry: %t", err, rpcx.CodeOf(err), rpcx.SafeToRetry(err))
		}
	})
}

// R30: a client that makes no calls is not charged, and not cut off.
func TestR30_IdleClientsAreNotCharged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithRateLimit(server.RateLimit{Rate: 1e-3, Burst: 2})).arith()
		p := w.dial(t)
		p.hello()
		for range 100 {
			if got := p.call(&protocol.Message{Header: protocol.Header{Heartbeat: true, Seq: 7}}); got.Status != protocol.Normal {
				t.Fatalf("a heartbeat is answered with %v", got.Metadata.Map())
			}
			p.send(cancelFrame(99))
			if got := p.call(numbered(8, request("rpcx.Health", "Check", `{}`))); string(got.Payload) != `{"Status":1}` {
				t.Fatalf("a health check is answered with %s %v", got.Payload, got.Metadata.Map())
			}
		}
		for range 2 {
			if got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`)); errorCode(got) != "" {
				t.Fatalf("a call is answered with %v", got.Metadata.Map())
			}
		}
	})
}

// Keys share nothing, and one that panics fails its own call.
func TestRateLimitKey(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithRateLimit(server.RateLimit{Rate: 1e-3, Burst: 1, Key: func(_ context.Context, c *rpcx.Call) string {
		if c.Header.Get("user") == "" {
			panic("nobody")
		}
		return c.Header.Get("user")
	}})).arith()
	p := w.dial(t)
	for _, tt := range []struct {
		user string
		ok   bool
	}{{"a", true}, {"b", true}, {"a", false}, {"b", false}, {"", false}, {"c", true}} {
		got := p.call(with(request("Arith", "Mul", `{}`), "user", tt.user))
		if ok := errorCode(got) == ""; ok != tt.ok {
			t.Errorf("user %q: %v", tt.user, got.Metadata.Map())
		}
	}
	if w.Stats().Panics != 1 {
		t.Errorf("%d panics counted", w.Stats().Panics)
	}
}
