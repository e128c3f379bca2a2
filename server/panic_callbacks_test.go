// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/server"
)

// moody panics in whatever the server asks it, while it is told to.
type moody struct{ on atomic.Bool }

func (m *moody) mind() {
	if m.on.Load() {
		panic("secret")
	}
}

func (m *moody) Permits(net.Addr) bool { m.mind(); return true }

func (m *moody) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context {
	m.mind()
	return ctx
}
func (m *moody) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult) { m.mind() }
func (m *moody) ConnOpen(*rpcx.ConnInfo)                                   { m.mind() }
func (m *moody) ConnClose(*rpcx.ConnInfo, error)                           { m.mind() }
func (m *moody) ServerEvent(*rpcx.ServerEvent)                             { m.mind() }

func (m *moody) auth(context.Context, string, string, string) error { m.mind(); return nil }
func (m *moody) key(context.Context, *rpcx.Call) string             { m.mind(); return "" }
func (m *moody) route(service, method string) (toService, toMethod string) {
	m.mind()
	return service, method
}

func (m *moody) intercept(next rpcx.UnaryFunc) rpcx.UnaryFunc {
	return func(ctx context.Context, c *rpcx.Call) error {
		m.mind()
		return next(ctx, c)
	}
}

// callback is a kind of user's code that a server runs for a call, and what becomes of the
// call that it panics in.
type callback struct {
	opt  server.Option
	code rpcx.Code
}

func (m *moody) callbacks() map[string]callback {
	return map[string]callback{
		"access":      {server.WithAccess(m), rpcx.PermissionDenied},
		"rate limit":  {server.WithRateLimit(server.RateLimit{Key: m.key}), rpcx.Internal},
		"auth":        {server.WithAuth(m.auth), rpcx.Internal},
		"interceptor": {server.WithInterceptor(rpcx.Interceptor{Unary: m.intercept}), rpcx.Internal},
		"route":       {server.WithInterceptor(rpcx.Interceptor{Route: m.route}), rpcx.Unimplemented},
		"observer":    {server.WithObserver(m), rpcx.Internal},
	}
}

// A panic in a callback ends its call and nothing else, also in a batch of JSON-RPC, whose
// calls run on goroutines that package http does not watch.
func TestPanicsOfCallbacksOverHTTP(t *testing.T) {
	t.Parallel()
	want := map[rpcx.Code]string{
		rpcx.PermissionDenied: `"code":-32007`,
		rpcx.Internal:         `"code":-32603`,
		rpcx.Unimplemented:    `"code":-32601`,
	}
	for name := range new(moody).callbacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := new(moody)
			c := m.callbacks()[name]
			w := inMemory(t, c.opt).arith()
			web := httptest.NewServer(w.HTTPHandler())
			defer web.Close()
			ask := func(method string) string {
				const one = `{"jsonrpc":"2.0","method":"METHOD","params":{"A":6,"B":7},"id":1}`
				body := strings.ReplaceAll("["+one+","+one+"]", "METHOD", method)
				res, err := http.Post(web.URL, "application/json", strings.NewReader(body)) //nolint:noctx // a test
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				text, _ := io.ReadAll(res.Body)
				return string(text)
			}
			method := "Arith.Mul"
			if c.code == rpcx.Unimplemented {
				method = "Alias.Mul" // names that are registered need no route
			}
			m.on.Store(true)
			got := ask(method)
			if strings.Count(got, want[c.code]) != 2 || strings.Contains(got, "secret") {
				t.Errorf("answered with %s, want twice %s", got, want[c.code])
			}
			if w.Stats().Panics < 2 {
				t.Errorf("%d panics are counted", w.Stats().Panics)
			}
			m.on.Store(false)
			if got := ask("Arith.Mul"); strings.Count(got, `"result":{"C":42}`) != 2 {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// Who may connect is not known when the list of addresses panics, so nobody may; the
// server goes on.
func TestPanicInAccess(t *testing.T) {
	t.Parallel()
	m := new(moody)
	w := onTCP(t, server.WithAccess(m)).arith()
	m.on.Store(true)
	newPeer(t, w.dialNet(t)).closed()
	m.on.Store(false)
	w.mustWork(t)
	if got := w.Stats(); got.Panics != 1 || got.RefusedConns != 1 {
		t.Errorf("%d panics and %d refused connections are counted, want one each", got.Panics, got.RefusedConns)
	}
}

// A handshake whose configuration panics ends its connection.
func TestPanicInHandshake(t *testing.T) {
	t.Parallel()
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("secret") }}
	w := onTCP(t, server.WithTLSConfig(config))
	for range 2 {
		c := tls.Client(w.dialNet(t), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // there is no certificate
		if err := c.HandshakeContext(t.Context()); err == nil {
			t.Error("the handshake succeeds")
		}
	}
	eventually(t, "the panics are counted", func() bool { return w.Stats().Panics == 2 })
}

// moodyRegistrar panics in whatever it is asked.
type moodyRegistrar struct {
	*moody
	registry.Registrar

	tried atomic.Int32
}

func (m *moodyRegistrar) Register(ctx context.Context, in registry.Instance) (registry.Lease, error) {
	m.tried.Add(1)
	m.mind()
	return m.Registrar.Register(ctx, in)
}

// A registrar that panics has failed, and is asked again.
func TestPanicInRegistrar(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &moodyRegistrar{moody: new(moody), Registrar: memory.New()}
		m.on.Store(true)
		w := inMemory(t, server.WithRegistrar(m, "", 0)).arith()
		time.Sleep(time.Minute)
		if n := m.tried.Load(); n < 2 {
			t.Errorf("it was asked %d times", n)
		}
		w.mustWork(t)
		m.on.Store(false)
		before := m.tried.Load()
		time.Sleep(time.Minute)
		if n := m.tried.Load() - before; n != 1 {
			t.Errorf("it was asked %d times when it worked, want once", n)
		}
	})
}
