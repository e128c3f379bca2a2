// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/peers"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	before, err := currentUsage(100)
	if err != nil {
		t.Fatal(err)
	}
	for spent := time.Now(); time.Since(spent) < 20*time.Millisecond; { // of the processor
		runtime.KeepAlive(make([]byte, 1000))
	}
	after, err := currentUsage(110)
	if err != nil {
		t.Fatal(err)
	}
	got := after.since(before)
	if got.CPU <= 0 || got.Allocs < 0.1 || got.Bytes < 100 {
		t.Errorf("a loop that allocates costs %+v", got)
	}
	if runtime.GOOS == "linux" && (got.RSS < 1 || got.RSS > 10_000) {
		t.Errorf("%v MiB", got.RSS)
	}
}

func TestUsagePerCall(t *testing.T) {
	t.Parallel()
	before := usage{CPU: time.Second, Mallocs: 100, Bytes: 1000, Calls: 10}
	after := usage{CPU: 2 * time.Second, Mallocs: 600, Bytes: 2000, RSS: 3 << 20, Calls: 110}
	if got, want := after.since(before), (perCall{CPU: 10_000, Allocs: 5, Bytes: 10, RSS: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	after.Calls = before.Calls
	if got, want := after.since(before), (perCall{RSS: 3}); got != want {
		t.Errorf("without calls: %+v, want %+v", got, want)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := peers.NewService(0)
	s.Count(42)
	c, err := newControl(t.Context(), "127.0.0.1:0", s)
	if err != nil {
		t.Fatal(err)
	}
	u, err := controlAt(c.addr).usage(t.Context())
	if err != nil || u.Calls != 42 || u.Mallocs == 0 {
		t.Errorf("%+v, %v", u, err)
	}
	if err := controlAt(c.addr).get(t.Context(), "/nothing", nil); err == nil {
		t.Error("no error for a page that is not there")
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := controlAt(c.addr).usage(ctx); err == nil {
		t.Error("no error from a control that is closed")
	}
	if _, err := newControl(t.Context(), "nowhere:-1", s); err == nil {
		t.Error("no error for a bad address")
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	e := environmentOf(allPeers(), "go run . run")
	if e.Go != runtime.Version() || e.CPUs < 1 || e.short() == "" || e.String() == "" {
		t.Errorf("%+v", e)
	}
	name := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(name, []byte("processor\t: 0\nmodel name\t: Some: CPU \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lineOf(name, "model name"); got != "Some: CPU" {
		t.Errorf("model name %q", got)
	}
	if lineOf(name, "model") != "" || lineOf(name+"x", "model name") != "" {
		t.Error("a value for a key or a file that is not there")
	}
}
