// SPDX-License-Identifier: Apache-2.0

package ws_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/ws"
	"go.uber.org/goleak"
	"golang.org/x/net/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, func(*testing.T) transporttest.Config {
		return transporttest.Config{Transport: ws.New(ws.Config{}), Network: "ws", Addr: "127.0.0.1:0", Greeting: true}
	})
}

type Args struct{ A, B int }

type Reply struct{ C int }

type Arith struct{}

func (Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

type Blob struct{ Data []byte }

func (Arith) Echo(_ context.Context, args, reply *Blob) error {
	reply.Data = args.Data
	return nil
}

func newServer(t *testing.T, opts ...server.Option) *server.Server {
	t.Helper()
	s := server.NewServer(append(opts, server.WithTransport(ws.New(ws.Config{})))...)
	if err := s.RegisterName("Arith", Arith{}, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

// call makes some calls at once, one of them large.
func call(t *testing.T, addr string, opt client.Option) {
	t.Helper()
	opt.Transports = append(opt.Transports, ws.New(ws.Config{}))
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(addr, ""), opt)
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
	wg.Go(func() {
		var reply Blob
		if err := x.Call(t.Context(), "Echo", &Blob{make([]byte, 4<<20)}, &reply); err != nil || len(reply.Data) != 4<<20 {
			t.Errorf("large call: %d bytes, %v", len(reply.Data), err)
		}
	})
	wg.Wait()
}

// R27: a server for WebSocket tells when it listens.
func TestR27_ServerOverWebSocketTellsThatItStarted(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("ws", "127.0.0.1:0") }()
	select {
	case <-s.Started():
	case <-time.After(20 * time.Second):
		t.Fatal("the server has not told that it started")
	}
	if s.Address() == nil {
		t.Fatal("the server has no address")
	}
	call(t, "ws@"+s.Address().String(), client.Option{})
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
	s := newServer(t, server.WithTLSConfig(ca.MutualServer()))
	go s.Serve("wss", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	known := make(chan bool, 1)
	go func() {
		for {
			for _, c := range s.Conns() {
				if p := c.Peer().TLS; p != nil {
					known <- len(p.PeerCertificates) > 0
					return
				}
			}
			select {
			case <-t.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	for _, network := range []string{"wss@", "ws@"} { // TLS settings are never ignored
		call(t, network+s.Address().String(), client.Option{TLSConfig: ca.MutualClient()})
	}
	if !<-known {
		t.Error("the server does not know who calls")
	}
}

// TestSecureByItself: wss without settings is TLS, verified.
func TestSecureByItself(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	l, err := ws.New(ws.Config{}).Listen(t.Context(), "wss", "127.0.0.1:0", transport.Settings{TLS: ca.Server()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = ws.New(ws.Config{}).Dial(t.Context(), "wss", l.Addr().String(), transport.Settings{})
	var unverified *tls.CertificateVerificationError
	if !errors.As(err, &unverified) {
		t.Errorf("Dial = %v, want that the server is not trusted", err)
	}
}

// TestMounted: one http.Server, pages and calls.
func TestMounted(t *testing.T) {
	t.Parallel()
	h := ws.NewHandler(ws.Config{})
	mux := http.NewServeMux()
	mux.Handle(ws.DefaultPath, h)
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	web := httptest.NewServer(mux)
	defer web.Close()
	s := newServer(t)
	ended := make(chan error, 1)
	go func() { ended <- s.ServeListener("ws", h) }()
	<-s.Started()

	addr := web.Listener.Addr().String()
	call(t, "ws@"+addr, client.Option{})
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
	_, err = ws.New(ws.Config{}).Dial(t.Context(), "ws", addr, transport.Settings{})
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("Dial after Shutdown = %v, want status 503", err)
	}
}

// TestShutdownAnswers: a call that runs when the server shuts down is answered.
func TestShutdownAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	began, finish := make(chan struct{}), make(chan struct{})
	if err := server.Handle(s, "Slow", "Work", func(_ context.Context, _ *Args, reply *Reply) error {
		close(began)
		<-finish
		reply.C = 42
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	go s.Serve("ws", "127.0.0.1:0")
	<-s.Started()
	x := client.NewXClient("Slow", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery("ws@"+s.Address().String(), ""),
		client.Option{Transports: []transport.Transport{ws.New(ws.Config{})}})
	defer x.Close()
	answered := make(chan error, 1)
	go func() {
		var reply Reply
		err := x.Call(t.Context(), "Work", &Args{}, &reply)
		if err == nil && reply.C != 42 {
			err = errors.New("another reply")
		}
		answered <- err
	}()
	<-began
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(t.Context()) }()
	close(finish)
	if err := <-answered; err != nil {
		t.Errorf("the call: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}

// TestAgainstOthers connects to another implementation in both roles, in text and in
// binary frames.
func TestAgainstOthers(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("text, and then some \xff\x00\xfe ", 5000)
	exchange := func(t *testing.T, c net.Conn) {
		t.Helper()
		go func() { _, _ = io.WriteString(c, data) }() // what comes back tells
		got := make([]byte, len(data))
		if n, err := io.ReadFull(c, got); err != nil || string(got) != data {
			t.Errorf("%d of %d bytes came back, or other ones: %v", n, len(data), err)
		}
	}
	for name, kind := range map[string]byte{"text": websocket.TextFrame, "binary": websocket.BinaryFrame} {
		t.Run("their client, "+name, func(t *testing.T) {
			t.Parallel()
			l, err := ws.New(ws.Config{}).Listen(t.Context(), "ws", "127.0.0.1:0", transport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = io.Copy(c, c) // the client tells what arrived
			}()
			c, err := websocket.Dial("ws://"+l.Addr().String()+ws.DefaultPath, "", "http://"+l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.PayloadType = kind
			exchange(t, c)
		})
		t.Run("their server, "+name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(websocket.Handler(func(c *websocket.Conn) {
				c.PayloadType = kind
				_, _ = io.Copy(c, c) // the client tells what arrived
			}))
			defer web.Close()
			c, err := ws.New(ws.Config{}).Dial(t.Context(), "ws", web.Listener.Addr().String(), transport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			exchange(t, c)
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Errorf("CloseWrite = %v", err)
			}
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // the bare value
				t.Errorf("Read = %d, %v, want the end", n, err)
			}
		})
	}
}

// TestAuth: this way in is no way round the token.
func TestAuth(t *testing.T) {
	t.Parallel()
	s := newServer(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "good" {
			return errors.New("who are you?")
		}
		return nil
	}))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("ws", "127.0.0.1:0") }()
	<-s.Started()
	for token, good := range map[string]bool{"good": true, "bad": false, "": false} {
		x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery("ws@"+s.Address().String(), ""),
			client.Option{Transports: []transport.Transport{ws.New(ws.Config{})}})
		x.Auth(token)
		var reply Reply
		if err := x.Call(t.Context(), "Mul", &Args{A: 6, B: 7}, &reply); (err == nil) != good || (reply.C == 42) != good {
			t.Errorf("token %q: %d, %v", token, reply.C, err)
		}
		_ = x.Close() // it never fails
	}
	_ = s.Close() // it has no registry to fail
	<-ended
}
