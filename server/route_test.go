// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

// routing is an interceptor that knows other names.
func routing(f func(service, method string) (string, string)) rpcx.Interceptor {
	return rpcx.Interceptor{Route: f}
}

func old(service, method string) (string, string) {
	if service == "Old" {
		return "S", method
	}
	return service, method
}

// R12: whatever a method is really called, the reply carries the name that was called.
func TestR12_ReplyCarriesTheCalledName(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithInterceptor(routing(old)))
	w.handle("fine", func(context.Context, *Args, *Reply) error { return nil })
	w.handle("fails", func(context.Context, *Args, *Reply) error { return errors.New("no") })
	w.handle("panics", func(context.Context, *Args, *Reply) error { panic("no") })
	c := w.dial(t)
	for _, name := range []string{"fine", "fails", "panics", "missing"} {
		for _, service := range []string{"Old", "S"} {
			got := c.call(request(service, name, `{}`))
			if got.Service != service || got.Method != name {
				t.Errorf("%s.%s: the reply is from %s.%s", service, name, got.Service, got.Method)
			}
		}
	}
	if got, want := errorText(c.call(request("Old", "missing", `{}`))), "rpcx: can't find service Old"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := errorText(c.call(request("Old", "fine", `{`))), "arguments of Old.fine: "; len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("error %q, want it to begin with %q", got, want)
	}
}

// Interceptors, observers and auth see the one name that policies know.
func TestRouteOpensNoBackDoor(t *testing.T) {
	t.Parallel()
	var j journal
	o := newRecorder()
	w := inMemory(t,
		server.WithObserver(o),
		server.WithAuth(func(_ context.Context, service, method, _ string) error {
			j.note("auth " + service + "." + method)
			return nil
		}),
		server.WithInterceptor(routing(old), unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			j.note("interceptor " + c.Service + "." + c.Method)
			if c.Side != rpcx.ServerSide {
				t.Errorf("the call is on side %v", c.Side)
			}
			c.Service = "changed" // must not change what the reply says
			return next(ctx, c)
		})))
	w.handle("h", func(context.Context, *Args, *Reply) error { return nil })
	got := w.dial(t).call(request("Old", "h", `{}`))
	if got.Service != "Old" {
		t.Errorf("the reply is from %s", got.Service)
	}
	for i, line := range j.take() {
		if want := []string{"auth S.h", "interceptor S.h"}[i]; line != want {
			t.Errorf("saw %q, want %q", line, want)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ends) != 1 || o.ends[0].info.Service != "S" || o.ends[0].info.Method != "h" {
		t.Errorf("the observer was told of %v", o.ends)
	}
}

// A route that panics is a route that knows nothing.
func TestPanicInARoute(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithInterceptor(routing(func(string, string) (string, string) { panic("no") })))
	w.handle("h", func(context.Context, *Args, *Reply) error { return nil })
	c := w.dial(t)
	if got, want := errorText(c.call(request("Old", "h", `{}`))), "rpcx: can't find service Old"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got := errorText(c.call(request("S", "h", `{}`))); got != "" {
		t.Errorf("the connection is no good any more: %q", got)
	}
	if got := w.Stats().Panics; got != 1 {
		t.Errorf("%d panics counted", got)
	}
}

// The first route that leads to a method counts.
func TestSeveralRoutes(t *testing.T) {
	t.Parallel()
	nowhere := routing(func(string, string) (string, string) { return "nowhere", "at all" })
	w := inMemory(t, server.WithInterceptor(nowhere, routing(old)))
	w.handle("h", func(context.Context, *Args, *Reply) error { return nil })
	if got := errorText(w.dial(t).call(request("Old", "h", `{}`))); got != "" {
		t.Errorf("error %q", got)
	}
}
