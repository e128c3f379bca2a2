// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// health asks about a service, as any program can.
func (p *peer) health(method, payload string) string {
	p.t.Helper()
	got := p.call(request(server.HealthService, method, payload))
	if text := errorText(got); text != "" {
		return text
	}
	return string(got.Payload)
}

func TestHealthCheck(t *testing.T) {
	t.Parallel()
	w := inMemory(t).arith()
	p := w.dial(t)
	ask := func(service string) string { return p.health("Check", fmt.Sprintf(`{"Service":%q}`, service)) }
	const unknown, serving, notServing = `{"Status":0}`, `{"Status":1}`, `{"Status":2}`
	expect := func(when, server, arith string) {
		t.Helper()
		if s, a := ask(""), ask("Arith"); s != server || a != arith {
			t.Errorf("%s: the server is %s, Arith %s, want %s and %s", when, s, a, server, arith)
		}
	}
	expect("at first", serving, serving)
	w.SetHealth("Arith", server.NotServing)
	expect("with Arith set", serving, notServing)
	w.SetHealth("", server.NotServing)
	expect("with all set", notServing, notServing)
	w.SetHealth("Arith", server.HealthUnknown)
	expect("with the server set", notServing, notServing)
	w.SetHealth("", server.Serving)
	expect("at last", serving, serving)
	for _, name := range []string{"None", server.HealthService} {
		if got := ask(name); got != unknown {
			t.Errorf("%s is %s", name, got)
		}
	}
	if err := w.UnregisterAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("without services", serving, unknown)
	if w.Health("Arith") != server.HealthUnknown || w.Health("") != server.Serving {
		t.Errorf("Health says %v and %v", w.Health("Arith"), w.Health(""))
	}
}

// A watch is answered when something changes, or when its time is up.
func TestHealthWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		p := w.dial(t)
		watch := func(seen int, timeout string, change func()) (string, time.Duration) {
			t.Helper()
			m := request(server.HealthService, "Watch", fmt.Sprintf(`{"Service":"Arith","Seen":%d}`, seen))
			if timeout != "" {
				m = with(m, "__ServerTimeout", timeout)
			}
			began := time.Now()
			p.send(m)
			if change != nil {
				time.Sleep(time.Second)
				change()
			}
			return string(p.receive().Payload), time.Since(began)
		}
		for _, tt := range []struct {
			name    string
			seen    int
			timeout string
			change  func()
			want    string
			after   time.Duration
		}{
			{"a new watcher", 1, "", nil, `{"Status":0}`, 0},
			{"registered", 0, "", func() { w.arith() }, `{"Status":1}`, time.Second},
			{"told to", 1, "", func() { w.SetHealth("Arith", server.NotServing) }, `{"Status":2}`, time.Second},
			{"nothing new", 2, "5000", func() { w.SetHealth("Other", server.NotServing) }, `{"Status":2}`, 4500 * time.Millisecond},
			{"back again", 2, "", func() { w.SetHealth("Arith", server.Serving) }, `{"Status":1}`, time.Second},
			{"all", 1, "", func() { w.SetHealth("", server.NotServing) }, `{"Status":2}`, time.Second},
		} {
			if got, took := watch(tt.seen, tt.timeout, tt.change); got != tt.want || took != tt.after {
				t.Errorf("%s: %s after %v, want %s after %v", tt.name, got, took, tt.want, tt.after)
			}
		}
	})
}

// Watchers leave half of the places for handlers to others: the rest is answered at once.
func TestHealthWatchersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: 4})).arith()
		p := w.dial(t)
		for i := range uint64(20) {
			p.send(numbered(i, request(server.HealthService, "Watch", `{"Seen":1}`)))
			synctest.Wait()
		}
		if n := w.Stats().Handlers; n != 2 {
			t.Errorf("%d of 20 watchers wait, want 2", n)
		}
		for range 18 {
			p.receive()
		}
		w.mustWork(t)
	})
}

// Authentication holds for health as well, and registries do not hear of it.
func TestHealthIsAServiceLikeOthers(t *testing.T) {
	t.Parallel()
	reg := memory.New()
	w := inMemory(t, server.WithRegistrar(reg, "tcp@192.0.2.1:1", 0),
		server.WithAuth(func(_ context.Context, service, _, token string) error {
			if token != "let me in" {
				return errors.New("who asks for " + service)
			}
			return nil
		})).arith()
	p := w.dial(t)
	if got := p.health("Check", `{}`); got != "who asks for rpcx.Health" {
		t.Error(got)
	}
	if got := p.call(with(request(server.HealthService, "Check", `{}`), "__AUTH", "let me in")); string(got.Payload) != `{"Status":1}` {
		t.Errorf("%s %v", got.Payload, got.Metadata.Map())
	}
	eventually(t, "Arith is registered", func() bool { return len(registered(t, reg, "Arith")) == 1 })
	if got := registered(t, reg, server.HealthService); len(got) != 0 {
		t.Errorf("registered: %v", got)
	}
	if err := server.Handle(w.Server, server.HealthService, "Check", Arith{}.Mul); err == nil {
		t.Error("the name can be taken")
	}
}

// registered returns what a registry knows of a service.
func registered(t *testing.T, r registry.Resolver, service string) []registry.Instance {
	ctx, cancel := context.WithCancel(t.Context())
	var now []registry.Instance
	_ = r.Watch(ctx, service, func(instances []registry.Instance) {
		now = instances
		cancel() // and so Watch returns
	})
	return now
}

// Whoever watches learns of a shutdown before anything else happens, and does not keep
// the server.
func TestShutdownBeginsWithHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGuardian()
		w := inMemory(t, server.WithObserver(g)).arith()
		p := w.dial(t)
		p.send(request(server.HealthService, "Watch", `{"Service":"Arith","Seen":1}`))
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- w.Shutdown(t.Context()) }()
		if got := string(p.receive().Payload); got != `{"Status":2}` {
			t.Errorf("the watcher is told %s", got)
		}
		p.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if w.Health("") != server.NotServing {
			t.Errorf("after it the server is %v", w.Health(""))
		}
	})
}

func TestHealthEvents(t *testing.T) {
	t.Parallel()
	g := newGuardian()
	w := inMemory(t, server.WithObserver(g))
	for _, s := range []server.HealthStatus{server.Serving, server.NotServing, server.NotServing, server.Serving, server.Serving} {
		w.SetHealth("Arith", s)
	}
	if n := g.count("health changed Arith"); n != 2 {
		t.Errorf("%d changes told, want 2", n)
	}
}

// clinic is some servers in one memory, and a client that minds their health.
type clinic struct {
	servers []*world
	calls   []atomic.Int64 // that each has served
	client  *client.XClient
}

func newClinic(t *testing.T, n int, opt client.Option) *clinic {
	c := &clinic{calls: make([]atomic.Int64, n)}
	transport := mem.New()
	var pairs []*client.KVPair
	for i := range n {
		w := start(t, &world{network: "mem", memory: transport, addr: fmt.Sprint("server", i)},
			[]server.Option{server.WithTransport(transport)})
		w.handle("M", func(context.Context, *Args, *Reply) error { c.calls[i].Add(1); return nil })
		c.servers = append(c.servers, w)
		pairs = append(pairs, &client.KVPair{Key: "mem@" + w.addr})
	}
	c.client = client.NewXClient("S", client.Failfast, client.RoundRobin,
		client.NewMultipleServersDiscovery(pairs), c.servers[0].option(opt))
	t.Cleanup(func() { c.client.Close() })
	return c
}

// served calls some times and returns how many of the calls each server got.
func (c *clinic) served(t *testing.T) []int {
	t.Helper()
	for i := range c.calls {
		c.calls[i].Store(0)
	}
	for range 4 * len(c.calls) {
		if err := c.client.Call(t.Context(), "M", Args{}, new(Reply)); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]int, len(c.calls))
	for i := range got {
		got[i] = int(c.calls[i].Load())
	}
	return got
}

// doctor notes what a client does about health.
type doctor struct {
	*guardian
	events chan string
}

func (d doctor) ClientEvent(e *rpcx.Event) {
	d.events <- fmt.Sprint(e.Kind, " ", e.Service, e.Method, " ", e.Server)
}

// A client that minds health calls nobody who says that he does not serve, as long as
// there are others.
func TestClientMindsHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := doctor{newGuardian(), make(chan string, 100)}
		c := newClinic(t, 3, client.Option{HealthCheck: true, Observer: d, SerializeType: protocol.JSON})
		expect := func(when string, want ...int) {
			t.Helper()
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if got := c.served(t); !slices.Equal(got, want) {
				t.Errorf("%s the servers got %v calls, want %v", when, got, want)
			}
		}
		c.served(t)
		expect("at first", 4, 4, 4)
		c.servers[1].SetHealth("S", server.NotServing)
		expect("with one out", 6, 0, 6)
		if got := <-d.events; got != "server not serving S mem@server1" {
			t.Errorf("told: %s", got)
		}
		c.servers[0].SetHealth("Other", server.NotServing)
		expect("with another service out", 6, 0, 6)
		time.Sleep(time.Hour)
		expect("long after", 6, 0, 6)
		c.servers[1].SetHealth("S", server.Serving)
		expect("with it back", 4, 4, 4)
		if got := <-d.events; got != "server serving again S mem@server1" {
			t.Errorf("told: %s", got)
		}
		for _, w := range c.servers {
			w.SetHealth("", server.NotServing)
		}
		expect("with all out", 4, 4, 4)
	})
}

// Nobody asks unless told to.
func TestHealthCheckIsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, 2, client.Option{})
		c.served(t)
		c.servers[1].SetHealth("", server.NotServing)
		time.Sleep(time.Second)
		if got := c.served(t); got[1] != 4 {
			t.Errorf("the servers got %v calls", got)
		}
	})
}

// Watching costs a call in half a minute.
func TestHealthCheckIsCheap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := inMemory(t, server.WithAuth(func(_ context.Context, service, _, _ string) error {
			if service == server.HealthService {
				asked.Add(1)
			}
			return nil
		})).arith()
		x := w.client(t, "Arith", client.Option{HealthCheck: true})
		if err := x.Call(t.Context(), "Mul", Args{1, 2}, new(Reply)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := asked.Load(); n < 120 || n > 140 {
			t.Errorf("asked %d times in an hour", n)
		}
	})
}
