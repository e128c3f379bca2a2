// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/middleware"
)

func TestRecover(t *testing.T) {
	t.Parallel()
	var log lines
	call := around(middleware.Recover(middleware.RecoverConfig{Logger: log.logger()}),
		func(context.Context, *rpcx.Call) error { panic("a secret") })
	err := call(t.Context(), served(""))
	if rpcx.CodeOf(err) != rpcx.Internal || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v, want Internal that tells nothing", err)
	}
	got := log.take(t)
	if len(got) != 1 || got[0]["panic"] != "a secret" || got[0]["method"] != "Arith.Mul" ||
		!strings.Contains(got[0]["stack"].(string), "recover_test.go") {
		t.Errorf("logged %v", got)
	}
}

func TestRecoverWithAnErrorOfOnesOwn(t *testing.T) {
	t.Parallel()
	want := errors.New("mine")
	call := around(middleware.Recover(middleware.RecoverConfig{
		Logger: quiet(),
		Error: func(_ context.Context, c *rpcx.Call, panicked any) error {
			if c.Method != "Mul" || panicked != 7 {
				t.Errorf("called with %v, %v", c, panicked)
			}
			return want
		},
	}), func(context.Context, *rpcx.Call) error { panic(7) })
	if err := call(t.Context(), served("")); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestRecoverLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	recovering := middleware.Recover(middleware.RecoverConfig{})
	want := errors.New("as it is")
	if err := around(recovering, func(context.Context, *rpcx.Call) error { return want })(t.Context(), served("")); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
	if err := around(recovering, succeed)(t.Context(), served("")); err != nil {
		t.Errorf("error %v", err)
	}
	ended := make(chan bool)
	go func() { // a goroutine that ends is not a panic
		defer close(ended)
		around(recovering, func(context.Context, *rpcx.Call) error { runtime.Goexit(); return nil })(context.Background(), served(""))
		t.Error("the goroutine went on")
	}()
	<-ended
}
