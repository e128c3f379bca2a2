// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	for _, addr := range []string{"localhost", "localhost:8972", "localhost:0"} {
		t.Run(addr, func(t *testing.T) {
			transporttest.Run(t, func(*testing.T) transporttest.Config {
				return transporttest.Config{Transport: New(), Network: "mem", Addr: addr}
			})
		})
	}
}

func listen(t *testing.T, tr *Transport, name string) (net.Listener, error) {
	l, err := tr.Listen(t.Context(), "mem", name, transport.Settings{})
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

func TestNames(t *testing.T) {
	t.Parallel()
	tr := New()
	seen := make(map[string]bool)
	for _, tt := range []struct{ give, prefix string }{
		{"", "mem-"},
		{"", "mem-"},
		{":0", ":"},
		{":0", ":"},
		{"arith:0", "arith:"},
		{"arith:0", "arith:"},
		{"[::1]:0", "[::1]:"},
		{"127.0.0.1:0", "127.0.0.1:"},
		{"arith", "arith"},
		{"arith:80", "arith:80"},
		{"arith:00", "arith:00"},
		{"0", "0"},
	} {
		l, err := listen(t, tr, tt.give)
		if err != nil {
			t.Fatalf("Listen(%q): %v", tt.give, err)
		}
		got := l.Addr().String()
		if !strings.HasPrefix(got, tt.prefix) || seen[got] || got == tt.give && strings.HasSuffix(got, ":0") {
			t.Errorf("Listen(%q) has the name %q, want a new one that begins with %q", tt.give, got, tt.prefix)
		}
		seen[got] = true
		if _, err := listen(t, tr, got); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen(%q) again: %v, want address already in use", got, err)
		}
	}
}

// TestChosenNameIsFree takes the names that would be chosen next.
func TestChosenNameIsFree(t *testing.T) {
	t.Parallel()
	tr := New()
	for _, name := range []string{":1", ":2", ":3", ":5"} {
		if _, err := listen(t, tr, name); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if _, err := listen(t, tr, ":0"); err != nil {
			t.Errorf("Listen on a free name: %v", err)
		}
	}
}

// TestNetworksAreApart: a name is known to those who share the value only.
func TestNetworksAreApart(t *testing.T) {
	t.Parallel()
	one, other := New(), New()
	if _, err := listen(t, one, "arith"); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, other, "arith"); err != nil {
		t.Errorf("the same name on another network: %v", err)
	}
	_, err := New().Dial(t.Context(), "mem", "arith", transport.Settings{})
	if want := "dial mem arith: connection refused"; err == nil || err.Error() != want || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial on a third one: %v, want %q", err, want)
	}
}

// TestDialWaitsForAccept, and no longer than its context.
func TestDialWaitsForAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := New()
		if _, err := listen(t, tr, "arith"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := tr.Dial(ctx, "mem", "arith", transport.Settings{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial = %v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Dial took %v, want 1s", took)
		}
	})
}

func TestCloseRefusesWaitingDials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := New()
		l, err := listen(t, tr, "arith")
		if err != nil {
			t.Fatal(err)
		}
		refused := make(chan error)
		go func() {
			_, err := tr.Dial(t.Context(), "mem", "arith", transport.Settings{})
			refused <- err
		}()
		synctest.Wait()
		l.Close()
		l.Close() // does nothing
		if err := <-refused; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial = %v, want connection refused", err)
		}
		again, err := listen(t, tr, "arith")
		if err != nil {
			t.Fatalf("the name is not free: %v", err)
		}
		l.Close() // still does nothing
		if _, err := listen(t, tr, "arith"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Close of the old listener freed the name of %v", again.Addr())
		}
	})
}

// TestNoConnectionIsLost closes listeners among dials and accepts: each connection
// that a client got has a server.
func TestNoConnectionIsLost(t *testing.T) {
	t.Parallel()
	tr := New()
	for range 100 {
		l, err := listen(t, tr, "arith")
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		clients, servers := make(map[string]bool), make(map[string]bool)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					c, err := tr.Dial(t.Context(), "mem", "arith", transport.Settings{})
					if err != nil {
						return
					}
					mu.Lock()
					clients[c.LocalAddr().String()] = true
					mu.Unlock()
				}
			})
		}
		for i := range 20 {
			c, err := l.Accept()
			if err != nil {
				t.Fatalf("Accept %d: %v", i, err)
			}
			mu.Lock()
			servers[c.RemoteAddr().String()] = true
			mu.Unlock()
		}
		l.Close()
		wg.Wait()
		if len(clients) != 20 || len(servers) != 20 {
			t.Fatalf("%d clients, %d servers, want 20 different ones each", len(clients), len(servers))
		}
		for c := range clients {
			if !servers[c] {
				t.Fatalf("%s has no server", c)
			}
		}
	}
}
