// SPDX-License-Identifier: Apache-2.0

package calltest

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

// rule is one that holds on every way into a server.
type rule struct {
	name  string
	opts  []server.Option
	token string
	first bool      // whether a first call is good
	want  rpcx.Code // of the next; 0: it is good
}

func rules() []rule {
	auth := server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "good" {
			return rpcx.Errorf(rpcx.Unauthenticated, "who are you?")
		}
		return nil
	})
	return []rule{
		{name: "NoToken", opts: []server.Option{auth}, want: rpcx.Unauthenticated},
		{name: "WrongToken", opts: []server.Option{auth}, token: "bad", want: rpcx.Unauthenticated},
		{name: "RightToken", opts: []server.Option{auth}, token: "good", first: true},
		{name: "OverTheLimit", opts: []server.Option{server.WithRateLimit(server.RateLimit{Rate: 0.001, Burst: 1})}, first: true, want: rpcx.ResourceExhausted},
		{name: "DeniedAddress", opts: []server.Option{server.WithAccess(nobody{})}, want: rpcx.Unavailable},
	}
}

// nobody is a list of no addresses.
type nobody struct{}

func (nobody) Permits(net.Addr) bool { return false }

func (r rule) test(t *testing.T, w *world) {
	s := w.serve(t, newEcho(), r.opts...)
	c := w.open(t, s.Address().String())
	c.Auth(r.token)
	if r.first {
		if err := c.say(t.Context(), []byte("first")); err != nil {
			t.Fatalf("the first call: %v", err)
		}
	}
	for range 2 {
		err := c.say(t.Context(), []byte("hello"))
		if rpcx.CodeOf(err) != r.want || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v with code %v, want %v", err, rpcx.CodeOf(err), r.want)
		}
	}
	if n := len(s.Conns()); r.want == rpcx.Unavailable && n > 0 {
		t.Errorf("%d connections of addresses that may have none", n)
	}
}
