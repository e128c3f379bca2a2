// SPDX-License-Identifier: Apache-2.0

package httpconnect_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

type Args struct{ A, B int }

type Reply struct{ C int }

type Arith struct{}

func (Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

func newServer(t *testing.T, opts ...server.Option) *server.Server {
	t.Helper()
	s := server.NewServer(opts...)
	if err := s.RegisterName("Arith", Arith{}, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

// call makes some calls at once.
func call(t *testing.T, addr string, opt client.Option) {
	t.Helper()
	opt.Transports = append(opt.Transports, httpconnect.New(httpconnect.Config{}))
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery("http@"+addr, ""), opt)
	defer x.Close()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var reply Reply
			if err := x.Call(t.Context(), "Mul", &Args{A: i, B: 2}, &reply); err != nil || reply.C != 2*i {
				t.Errorf("call %d: %d, %v", i, reply.C, err)
			}
		})
	}
	wg.Wait()
}

// R27: a server for HTTP CONNECT tells when it listens.
func TestR27_ServerOverHTTPTellsThatItStarted(t *testing.T) {
	t.Parallel()
	s := newServer(t, server.WithTransport(httpconnect.New(httpconnect.Config{})))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("http", "127.0.0.1:0") }()
	select {
	case <-s.Started():
	case <-time.After(20 * time.Second):
		t.Fatal("the server has not told that it started")
	}
	if s.Address() == nil {
		t.Fatal("the server has no address")
	}
	call(t, s.Address().String(), client.Option{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if err := <-ended; !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("Serve = %v", err)
	}
}

func TestServerWithTLS(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	s := newServer(t, server.WithTransport(httpconnect.New(httpconnect.Config{})), server.WithTLSConfig(ca.MutualServer()))
	go s.Serve("http", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	call(t, s.Address().String(), client.Option{TLSConfig: ca.MutualClient()})
	for _, c := range s.Conns() {
		if tls := c.Peer().TLS; tls == nil || len(tls.PeerCertificates) == 0 {
			t.Error("the server does not know who calls")
		}
	}
}

// TestMounted: one http.Server, pages and calls.
func TestMounted(t *testing.T) {
	t.Parallel()
	h := httpconnect.NewHandler()
	mux := http.NewServeMux()
	mux.Handle(httpconnect.DefaultPath, h)
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	web := httptest.NewServer(mux)
	defer web.Close()
	s := newServer(t)
	ended := make(chan error, 1)
	go func() { ended <- s.ServeListener("http", h) }()
	<-s.Started()

	call(t, web.Listener.Addr().String(), client.Option{})
	resp, err := web.Client().Get(web.URL + "/page")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("the page has status %d", resp.StatusCode)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if err := <-ended; !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("ServeListener = %v", err)
	}
	if conn, err := httpconnect.New(httpconnect.Config{}).Dial(t.Context(), "http", web.Listener.Addr().String(), transport.Settings{}); err == nil {
		t.Error("a connection was taken after Shutdown")
		_ = conn.Close()
	}
}
