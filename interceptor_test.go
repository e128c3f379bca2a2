// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
)

// tracing returns an interceptor that notes when it is entered and left.
func tracing(log *[]string, name string) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		*log = append(*log, "compose "+name)
		return func(ctx context.Context, c *rpcx.Call) error {
			*log = append(*log, "> "+name)
			err := next(ctx, c)
			*log = append(*log, "< "+name)
			return err
		}
	}}
}

func TestChain(t *testing.T) {
	t.Parallel()
	var log []string
	reason := errors.New("from the final function")
	final := func(context.Context, *rpcx.Call) error {
		log = append(log, "call")
		return reason
	}
	run := rpcx.Chain([]rpcx.Interceptor{tracing(&log, "a"), {}, tracing(&log, "b")}, final)
	if want := []string{"compose b", "compose a"}; !slices.Equal(log, want) {
		t.Errorf("composed as %q, want %q", log, want)
	}
	for range 2 { // composed once, run often
		log = nil
		if err := run(t.Context(), new(rpcx.Call)); err != reason { //nolint:errorlint // the very same error
			t.Errorf("error is %v, want %v", err, reason)
		}
		if want := []string{"> a", "> b", "call", "< b", "< a"}; !slices.Equal(log, want) {
			t.Errorf("ran as %q, want %q", log, want)
		}
	}
}

func TestChainOfNothing(t *testing.T) {
	t.Parallel()
	for _, list := range [][]rpcx.Interceptor{nil, {}, {{}, {}}} {
		called := false
		run := rpcx.Chain(list, func(context.Context, *rpcx.Call) error { called = true; return nil })
		if err := run(t.Context(), nil); err != nil || !called {
			t.Errorf("%d interceptors: called=%t, %v", len(list), called, err)
		}
	}
}

// An interceptor may refuse a call, and change the call and the context that the
// next one gets.
func TestChainPassesOnWhatItIsGiven(t *testing.T) {
	t.Parallel()
	type key struct{}
	change := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			c.Header = c.Header.With("k", "v")
			return next(context.WithValue(ctx, key{}, "changed"), c)
		}
	}}
	refuse := rpcx.Interceptor{Unary: func(rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(context.Context, *rpcx.Call) error { return rpcx.PermissionDenied }
	}}
	var seen string
	final := func(ctx context.Context, c *rpcx.Call) error {
		seen, _ = ctx.Value(key{}).(string)
		seen += " " + c.Header.Get("k")
		return nil
	}
	if err := rpcx.Chain([]rpcx.Interceptor{change}, final)(t.Context(), new(rpcx.Call)); err != nil || seen != "changed v" {
		t.Errorf("the final function saw %q, %v", seen, err)
	}
	seen = ""
	if err := rpcx.Chain([]rpcx.Interceptor{refuse, change}, final)(t.Context(), new(rpcx.Call)); !errors.Is(err, rpcx.PermissionDenied) || seen != "" {
		t.Errorf("refused with %v; the final function saw %q", err, seen)
	}
}

// watcher is an Observer that notes what it is told.
type watcher struct {
	name string
	log  *[]string
}

type watcherKey struct{}

func (w watcher) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	before, _ := ctx.Value(watcherKey{}).(string)
	*w.log = append(*w.log, w.name+" start "+info.Method+" after "+before)
	return context.WithValue(ctx, watcherKey{}, before+w.name)
}

func (w watcher) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	seen, _ := ctx.Value(watcherKey{}).(string)
	*w.log = append(*w.log, w.name+" end "+info.Method+" in "+seen+" "+result.Duration.String())
}

// connWatcher is told of connections as well.
type connWatcher struct{ watcher }

func (w connWatcher) ConnOpen(info *rpcx.ConnInfo) {
	*w.log = append(*w.log, w.name+" open "+info.Side.String())
}

func (w connWatcher) ConnClose(info *rpcx.ConnInfo, reason error) {
	*w.log = append(*w.log, w.name+" close "+info.Side.String()+" "+reason.Error())
}

func TestMultiObserver(t *testing.T) {
	t.Parallel()
	var log []string
	a, b, c := connWatcher{watcher{"a", &log}}, watcher{"b", &log}, connWatcher{watcher{"c", &log}}
	o := rpcx.MultiObserver(nil, a, nil, b, c)
	info := &rpcx.CallInfo{Method: "Mul"}
	ctx := o.CallStart(t.Context(), info)
	o.CallEnd(ctx, info, &rpcx.CallResult{Duration: time.Second})
	conns, ok := o.(rpcx.ConnObserver)
	if !ok {
		t.Fatal("it is not told of connections")
	}
	conns.ConnOpen(&rpcx.ConnInfo{Side: rpcx.ServerSide})
	conns.ConnClose(&rpcx.ConnInfo{Side: rpcx.ClientSide}, errors.New("reset"))
	want := []string{
		"a start Mul after ", "b start Mul after a", "c start Mul after ab",
		"c end Mul in abc 1s", "b end Mul in abc 1s", "a end Mul in abc 1s",
		"a open server", "c open server",
		"c close client reset", "a close client reset",
	}
	if !slices.Equal(log, want) {
		t.Errorf("told\n%q\nwant\n%q", log, want)
	}
}

// Without observers there is none, so that nothing is paid; one is not wrapped.
func TestMultiObserverOfFew(t *testing.T) {
	t.Parallel()
	if o := rpcx.MultiObserver(); o != nil {
		t.Errorf("of nothing: %v", o)
	}
	if o := rpcx.MultiObserver(nil, nil); o != nil {
		t.Errorf("of nils: %v", o)
	}
	one := watcher{"a", new([]string)}
	if o := rpcx.MultiObserver(nil, one); o != rpcx.Observer(one) {
		t.Errorf("of one: %v", o)
	}
	if _, ok := rpcx.MultiObserver(one).(rpcx.ConnObserver); ok {
		t.Error("one that does not care for connections is told of them")
	}
}

func TestSideString(t *testing.T) {
	t.Parallel()
	if rpcx.ClientSide.String() != "client" || rpcx.ServerSide.String() != "server" {
		t.Errorf("sides are %q and %q", rpcx.ClientSide, rpcx.ServerSide)
	}
}
