// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// serve starts a server of a peer that ends with the test.
func serve(t *testing.T, p peer) (addr string, s *peers.Service) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = peers.NewService(0)
	srv, err := p.serve(ln, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("close server: %v", err)
		}
	})
	return ln.Addr().String(), s
}

// Every framework answers what it was asked, on each connection and at once.
func TestFrameworksAnswer(t *testing.T) {
	t.Parallel()
	for _, p := range allPeers() {
		if p.framework != nil && p.name != "kitex" {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				testFramework(t, p)
			})
		}
	}
}

// Kitex closes the descriptor of its listener twice, and so perhaps that of somebody
// else. Therefore this test is not parallel.
func TestKitexAnswers(t *testing.T) {
	p, err := peerNamed("kitex")
	if err != nil {
		t.Fatal(err)
	}
	testFramework(t, p)
}

func testFramework(t *testing.T, p peer) {
	const conns, callers, calls = 2, 10, 3
	for _, payload := range []int{0, 16, 200_000} {
		addr, service := serve(t, p)
		l, err := newLoad(t.Context(), p, addr, scenario{Callers: callers, Conns: conns, Payload: payload}, new(recorder))
		if err != nil {
			t.Fatalf("payload %d: %v", payload, err)
		}
		var calling sync.WaitGroup
		for caller := range callers {
			calling.Go(func() {
				args := peers.NewMessage(payload)
				for n := range calls {
					if err := l.call(t.Context(), caller%conns, args, 100*caller+n); err != nil {
						t.Errorf("payload %d, call %d of caller %d: %v", payload, n, caller, err)
					}
				}
			})
		}
		calling.Wait()
		if got := service.Served(); got != conns+callers*calls {
			t.Errorf("payload %d: the server served %d calls, want %d", payload, got, conns+callers*calls)
		}
		if err := l.close(); err != nil {
			t.Errorf("payload %d: close clients: %v", payload, err)
		}
	}
}

// count is a recorder that ends a load after some messages.
type count struct {
	mu   sync.Mutex
	left int
	err  error
	stop func()
}

func (c *count) Done(_ int, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		c.stop()
	}
	if took < 0 {
		err = errors.Join(err, errors.New("negative duration"))
	}
	c.err = errors.Join(c.err, err)
}

// Every limit exchanges messages, also more than sockets hold.
func TestLimitsAnswer(t *testing.T) {
	t.Parallel()
	for _, p := range allPeers() {
		if p.limit == nil {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, load := range []peers.Load{
				{Callers: 1, Conns: 1},
				{Callers: 50, Conns: 3},
				{Callers: 2, Conns: 5},
				{Callers: 8, Conns: 1, Payload: 1 << 20},
				{Callers: 6, Conns: 2, Payload: 16},
			} {
				addr, service := serve(t, p)
				ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
				c := &count{left: 40, stop: stop}
				d, err := p.limit.Dial(ctx, addr, load, c)
				if err != nil {
					t.Fatalf("%+v: %v", load, err)
				}
				if err := errors.Join(d.Drive(ctx), d.Close(), c.err); err != nil {
					t.Errorf("%+v: %v", load, err)
				}
				if c.left > 0 {
					t.Errorf("%+v: %d messages were not answered", load, c.left)
				}
				if service.Served() < 40 {
					t.Errorf("%+v: the server counted %d", load, service.Served())
				}
			}
		})
	}
}

// A server that is not there is an error, not a measurement.
func TestNobodyServes(t *testing.T) {
	t.Parallel()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range allPeers() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if l, err := newLoad(ctx, p, addr, scenario{Callers: 1, Conns: 1}, new(recorder)); err == nil {
				t.Error("no error")
				_ = l.close()
			}
		})
	}
}

func TestPeersNamed(t *testing.T) {
	t.Parallel()
	ps, err := peersNamed("rpcx, ours")
	if err != nil || len(ps) != 2 || ps[0].name != "rpcx" || ps[1].name != "ours" {
		t.Errorf("got %v, %v", ps, err)
	}
	for _, list := range []string{"", "ours,", "dubbo"} {
		if _, err := peersNamed(list); err == nil {
			t.Errorf("%q: no error", list)
		}
	}
	seen := make(map[string]bool)
	for _, p := range allPeers() {
		if seen[p.name] || p.about == "" || (p.framework == nil) == (p.limit == nil) {
			t.Errorf("%q is there twice, or lacks something", p.name)
		}
		seen[p.name] = true
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		peer string
		s    scenario
		want bool
	}{
		{"ours", scenario{Callers: 500, Conns: 10, Delay: time.Second, Rate: 5}, true},
		{"limit-c", scenario{Callers: 500, Conns: 10}, true},
		{"limit-c", scenario{Callers: 500, Conns: 10, Delay: time.Millisecond}, false},
		{"limit-c", scenario{Callers: 500, Conns: 10, Rate: 1}, false},
		{"limit-a", scenario{Callers: 500, Conns: 10}, false},
		{"limit-a", scenario{Callers: 500, Conns: 500}, true},
		{"limit-b", scenario{Callers: 8, Conns: 4, Payload: 1 << 20}, true},
	}
	for _, tt := range tests {
		p, err := peerNamed(tt.peer)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.fits(tt.s); got != tt.want {
			t.Errorf("%s %s: %v, want %v", tt.peer, tt.s, got, tt.want)
		}
	}
}
