// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// counting is a resolver that says how often it was asked, and by how many it is now.
type counting struct {
	registry.Resolver

	asked, watching, most atomic.Int64
}

// Watch implements registry.Resolver.
func (c *counting) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	c.asked.Add(1)
	now := c.watching.Add(1)
	defer c.watching.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	return c.Resolver.Watch(ctx, service, update)
}

// inMemory is a proxy in front of a server, with no socket anywhere: for virtual time.
type inMemory struct {
	t      *testing.T
	proxy  *proxy.Proxy
	server *server.Server
	stop   func()
}

// newInMemory makes one; find says who serves what is asked for.
func newInMemory(t *testing.T, r func(key registry.Instance) registry.Resolver, c proxy.Config) *inMemory {
	t.Helper()
	network := mem.New()
	s := server.NewServer(server.WithTransport(network), server.WithLogger(quiet()))
	for _, name := range []string{"S", "T"} {
		if err := server.Handle(s, name, "M", func(context.Context, *struct{}, *struct{}) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("mem", "server") }()
	<-s.Started()
	c.Client.Transports = []transport.Transport{network}
	if c.Client.Logger == nil {
		c.Client.Logger = quiet()
	}
	p, err := proxy.New(client.Failover, client.RandomSelect, r(registry.Instance{Network: "mem", Addr: "server"}), c)
	if err != nil {
		t.Fatal(err)
	}
	return &inMemory{t: t, proxy: p, server: s, stop: func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		_ = s.Close()
		<-served
	}}
}

// call calls a method M.
func (w *inMemory) call(peer, service string) error {
	m := &protocol.Message{Service: service, Method: "M", Payload: []byte("{}")}
	m.Serialize = protocol.JSON
	_, err := w.proxy.Dispatch(w.t.Context(), rpcx.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(peer)}}, m)
	return err
}

// knows is a resolver that knows the given services.
func knows(c *counting, services ...string) func(registry.Instance) registry.Resolver {
	return func(in registry.Instance) registry.Resolver {
		var list []*registry.Instance
		for _, s := range services {
			one := in
			one.Service = s
			list = append(list, &one)
		}
		c.Resolver = resolverOf(list)
		return c
	}
}

// resolverOf is a fixed list. One without a service serves all.
type resolverOf []*registry.Instance

// Watch implements registry.Resolver.
func (r resolverOf) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	var found []registry.Instance
	for _, in := range r {
		if in.Service == "" || in.Service == service {
			found = append(found, *in)
		}
	}
	update(found)
	<-ctx.Done()
	return ctx.Err()
}

// A stranger who makes up names without end costs bounded memory, few questions to the
// registry, and nobody else his calls.
func TestMadeUpNames(t *testing.T) {
	if testing.Short() {
		t.Skip("very many calls")
	}
	synctest.Test(t, func(t *testing.T) {
		var r counting
		w := newInMemory(t, knows(&r, "S"), proxy.Config{})
		defer w.stop()
		if err := w.call("10.0.0.1", "S"); err != nil {
			t.Fatal(err)
		}
		goroutines, before := runtime.NumGoroutine(), heap()
		codes := make(map[rpcx.Code]int)
		const names = 100_000
		long := strings.Repeat("x", 500)
		for i := range names {
			err := w.call(fmt.Sprintf("10.0.%d.2", i%3), fmt.Sprint(long, i))
			codes[rpcx.CodeOf(err)]++
			if i%1000 == 0 {
				time.Sleep(10 * time.Millisecond) // of virtual time: 100,000 names a second
			}
		}
		if codes[rpcx.Unimplemented]+codes[rpcx.ResourceExhausted] != names {
			t.Errorf("codes %v", codes)
		}
		// Three callers of 20 a second for 10 s, after a burst of 200 each.
		if asked := r.asked.Load(); asked > 1+3*(200+10*20)+10 {
			t.Errorf("the registry was asked %d times", asked)
		}
		synctest.Wait()
		if n := r.watching.Load(); n != 1 {
			t.Errorf("%d services are watched, want 1", n)
		}
		if more := runtime.NumGoroutine() - goroutines; more > 5 {
			t.Errorf("%d more goroutines", more)
		}
		if more := heap() - before; more > 8<<20 {
			t.Errorf("%d more bytes", more)
		}
		if err := w.call("10.0.0.1", "S"); err != nil {
			t.Errorf("a service that is known: %v", err)
		}
	})
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A resolver that has a server for every name does not make the gateway keep all names.
func TestNamesOfAResolverThatKnowsAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r counting
		w := newInMemory(t, knows(&r, ""), proxy.Config{MaxServices: 10})
		defer w.stop()
		for i := range 1000 {
			if err := w.call("10.0.0.2", fmt.Sprint(i)); !errors.Is(err, rpcx.Unimplemented) && !errors.Is(err, rpcx.ResourceExhausted) {
				t.Errorf("name %d: %v", i, err)
			}
			time.Sleep(10 * time.Millisecond)
			if i%50 == 0 {
				if err := w.call("10.0.0.1", "S"); err != nil {
					t.Errorf("a service that is there: %v", err)
				}
			}
		}
		synctest.Wait()
		if now, most := r.watching.Load(), r.most.Load(); now != 10 || most > 20 {
			t.Errorf("%d services are watched, there were %d, want 10", now, most)
		}
		if n := len(w.server.Conns()); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

// What is known to be absent is not looked up again for a while, and then it is.
func TestAbsentIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r counting
		w := newInMemory(t, knows(&r, "S"), proxy.Config{})
		defer w.stop()
		for range 100 {
			if err := w.call("10.0.0.1", "T"); !errors.Is(err, rpcx.Unimplemented) || !rpcx.SafeToRetry(err) || err.Error() != "rpcx: can't find service T" {
				t.Fatal(err)
			}
		}
		if n := r.asked.Load(); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
		r.Resolver.(resolverOf)[0].Service = "T"
		time.Sleep(3 * time.Second)
		if err := w.call("10.0.0.1", "T"); err != nil {
			t.Errorf("it has come: %v", err)
		}
	})
}

// A service that nobody calls is forgotten, with its connections; the next call brings it
// back.
func TestIdleServicesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r counting
		w := newInMemory(t, knows(&r, "S", "T"), proxy.Config{ServiceIdle: time.Minute})
		defer w.stop()
		for round := range 3 {
			for range 3 {
				if err := errors.Join(w.call("10.0.0.1", "S"), w.call("10.0.0.1", "T")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(45 * time.Second)
			}
			if n, conns := r.watching.Load(), len(w.server.Conns()); n != 2 || conns != 1 {
				t.Errorf("round %d: %d services and %d connections while there are calls", round, n, conns)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if n, conns := r.watching.Load(), len(w.server.Conns()); n != 0 || conns != 0 {
				t.Errorf("round %d: %d services and %d connections are left", round, n, conns)
			}
		}
		if n := r.asked.Load(); n != 6 {
			t.Errorf("asked %d times, want 6", n)
		}
	})
}

// silent is a registry that does not answer.
type silent struct{}

// Watch implements registry.Resolver.
func (silent) Watch(ctx context.Context, _ string, _ func([]registry.Instance)) error {
	<-ctx.Done()
	return ctx.Err()
}

// broken is a registry that fails.
type broken struct{}

// Watch implements registry.Resolver.
func (broken) Watch(context.Context, string, func([]registry.Instance)) error {
	return errors.New("etcd at 10.1.2.3 is down")
}

// While the registry is out of order calls of services that are not known yet fail soon,
// and cost no more than others.
func TestRegistryOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]registry.Resolver{"silent": silent{}, "broken": broken{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &counting{Resolver: r}
				w := newInMemory(t, func(registry.Instance) registry.Resolver { return c }, proxy.Config{})
				defer w.stop()
				began := time.Now()
				var calls sync.WaitGroup
				for i := range 300 {
					calls.Go(func() {
						err := w.call(fmt.Sprintf("10.0.0.%d", i%3), fmt.Sprint(i))
						if !errors.Is(err, rpcx.Unavailable) || !rpcx.SafeToRetry(err) || strings.Contains(err.Error(), "10.1.2.3") {
							t.Errorf("call %d: %v", i, err)
						}
					})
				}
				calls.Wait()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("took %v", took)
				}
				synctest.Wait()
				if n := c.watching.Load(); n != 0 || c.most.Load() > 101 {
					t.Errorf("%d watches are left, there were %d", n, c.most.Load())
				}
			})
		})
	}
}

// A caller that does not wait for the registry's answer leaves nothing behind.
func TestLookupGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &counting{Resolver: silent{}}
		w := newInMemory(t, func(registry.Instance) registry.Resolver { return c }, proxy.Config{Timeout: time.Second})
		defer w.stop()
		if err := w.call("10.0.0.1", "S"); !errors.Is(err, rpcx.DeadlineExceeded) || !rpcx.SafeToRetry(err) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if n := c.watching.Load(); n != 0 {
			t.Errorf("%d watches are left", n)
		}
	})
}

// A service whose servers have all left is not unknown, and is there again when they are.
func TestServersLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	w.post("/S/Note", "").want(t, 200, "{}")
	if err := w.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.post("/S/Note", "").want(t, 503, "no server can be reached")
	w.start()
	for w.post("/S/Note", "").status != 200 { // until the news has spread
	}
}

// Services come and go while they are called: no call is lost.
func TestForgettingHarmsNoCall(t *testing.T) {
	t.Parallel()
	var r counting
	w := newInMemory(t, knows(&r, ""), proxy.Config{MaxServices: 2, Allow: []string{"S.*", "T.*", "A.*", "B.*"}})
	defer w.stop()
	var callers sync.WaitGroup
	for _, name := range []string{"S", "T"} {
		callers.Go(func() {
			for i := range 500 {
				if err := w.call("10.0.0.1", name); err != nil && !strings.Contains(err.Error(), "as many services") {
					t.Errorf("%s: %v", name, err)
				}
				if err := w.call("10.0.0.1", string(rune('A'+i%2))); !errors.Is(err, rpcx.Unimplemented) && !errors.Is(err, rpcx.Unavailable) {
					t.Errorf("%v", err)
				}
			}
		})
	}
	callers.Wait()
}

// failing is a registry that answers once, and is out of order from then on.
type failing struct {
	registry.Resolver

	answered atomic.Bool
}

// Watch implements registry.Resolver.
func (f *failing) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	if f.answered.Swap(true) {
		return errors.New("the registry is down")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return f.Resolver.Watch(ctx, service, update)
}

// Services that are known are called on while the registry is out of order.
func TestKnownServicesOutliveTheRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c counting
		w := newInMemory(t, func(in registry.Instance) registry.Resolver { return &failing{Resolver: knows(&c, "S")(in)} },
			proxy.Config{ServiceIdle: time.Hour})
		defer w.stop()
		for range 20 {
			if err := w.call("10.0.0.1", "S"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
	})
}

// When as many services are called as may be known, no further one is.
func TestMaxServicesAllBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxServices: 1})
	done := make(chan answer, 1)
	go func() { done <- w.post("/S/Wait", "") }()
	receive(t, w.waiting, "the call")
	w.post("/Arith/Mul", "{}").want(t, 503, "as many services")
	w.goOn <- struct{}{}
	receive(t, done, "the answer").want(t, 200, "{}")
	w.post("/Arith/Mul", "{}").want(t, 200, "")
}
