// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	realclient "github.com/smallnest/rpcx/client"
	realprotocol "github.com/smallnest/rpcx/protocol"
	realserver "github.com/smallnest/rpcx/server"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// HTTPText is an argument and a reply.
type HTTPText struct{ Text string }

// HTTPService runs on either server.
type HTTPService struct {
	push func(ctx context.Context, payload []byte) error // on the connection of the call
}

// Say answers with the argument.
func (*HTTPService) Say(_ context.Context, args, reply *HTTPText) error {
	if args.Text == "" {
		return errors.New("nothing was said")
	}
	reply.Text = args.Text
	return nil
}

// Tell pushes the argument back.
func (s *HTTPService) Tell(ctx context.Context, args, _ *HTTPText) error {
	return s.push(ctx, []byte(args.Text))
}

// httpCaller is a client of either kind.
type httpCaller struct {
	call   func(ctx context.Context, method string, args, reply any) error
	pushed func() string
	close  func() error
}

// httpSetting is a network and who is trusted on it.
type httpSetting struct {
	scheme         string
	server, client *tls.Config // nil: plain
}

func httpTransports() []transport.Transport {
	return []transport.Transport{httpconnect.New(httpconnect.Config{}), ws.New(ws.Config{})}
}

// TestOverHTTP runs our client against a real server, a real client against ours, and
// both against themselves, over connections that begin as HTTP requests.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]httpSetting{
		"http":     {scheme: "http"},
		"http+tls": {"http", serverTLS, clientTLS},
		"ws":       {scheme: "ws"},
		"wss":      {"wss", serverTLS, clientTLS},
	}
	servers := map[string]func(*testing.T, httpSetting, *HTTPService) string{"our": ourHTTPServer, "rpcx": realHTTPServer}
	clients := map[string]func(*testing.T, httpSetting, string) httpCaller{"our": ourHTTPClient, "rpcx": realHTTPClient}
	for name, s := range settings {
		for from, open := range clients {
			for to, serve := range servers {
				t.Run(name+" "+from+"->"+to, func(t *testing.T) {
					t.Parallel()
					addr := serve(t, s, new(HTTPService))
					for range 2 { // a client that comes and goes must not harm those after it
						testHTTPCalls(t, open(t, s, addr))
					}
				})
			}
		}
	}
}

func testHTTPCalls(t *testing.T, c httpCaller) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			args, reply := &HTTPText{strings.Repeat("text ", 1+i*500)}, new(HTTPText)
			if err := c.call(ctx, "Say", args, reply); err != nil || *reply != *args {
				t.Errorf("call %d: %d bytes, %v", i, len(reply.Text), err)
			}
		})
	}
	all.Wait()
	args, reply := &HTTPText{strings.Repeat("large", 500_000)}, new(HTTPText)
	if err := c.call(ctx, "Say", args, reply); err != nil || *reply != *args {
		t.Errorf("2.5 MB: %d bytes, %v", len(reply.Text), err)
	}
	if err := c.call(ctx, "Say", &HTTPText{}, reply); err == nil || err.Error() != "nothing was said" {
		t.Errorf("the service's error is %v", err)
	}
	if err := c.call(ctx, "Tell", &HTTPText{"a push"}, reply); err != nil {
		t.Errorf("Tell: %v", err)
	} else if got := c.pushed(); got != "a push" {
		t.Errorf("%q was pushed", got)
	}
	if err := c.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func ourHTTPServer(t *testing.T, setting httpSetting, service *HTTPService) string {
	t.Helper()
	opts := []server.Option{server.WithTransport(httpTransports()...), server.WithLogger(quiet())}
	if setting.server != nil {
		opts = append(opts, server.WithTLSConfig(setting.server))
	}
	s := server.NewServer(opts...)
	service.push = func(ctx context.Context, payload []byte) error {
		return server.ConnFrom(ctx).Push(ctx, "HTTP", "Tell", rpcx.Metadata{}, payload)
	}
	if err := s.RegisterName("HTTP", service, ""); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(setting.scheme, "127.0.0.1:0") }()
	<-s.Started()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ended; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return setting.scheme + "@" + s.Address().String()
}

// realHTTPServer starts a real server. It never says that it listens, so the port is
// chosen here and asked.
func realHTTPServer(t *testing.T, setting httpSetting, service *HTTPService) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	var opts []realserver.OptionFn
	if setting.server != nil {
		opts = append(opts, realserver.WithTLSConfig(setting.server))
	}
	s := realserver.NewServer(opts...)
	s.HandleServiceError = func(error) {} // else each goes to the log
	service.push = func(ctx context.Context, payload []byte) error {
		conn, _ := ctx.Value(realserver.RemoteConnContextKey).(net.Conn)
		return s.SendMessage(conn, "HTTP", "Tell", nil, payload)
	}
	if err := s.RegisterName("HTTP", service, ""); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(setting.scheme, addr) // ends with Close
	}()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-ended:
			t.Fatalf("the real server does not listen on %s", addr)
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return setting.scheme + "@" + addr
}

func ourHTTPClient(_ *testing.T, setting httpSetting, addr string) httpCaller {
	pushed := make(chan string, 1)
	opt := client.Option{
		Transports:     httpTransports(),
		TLSConfig:      setting.client,
		ConnectTimeout: dialTimeout,
		Logger:         quiet(),
		OnPush:         func(m *protocol.Message) { pushed <- string(m.Payload) },
	}
	x := client.NewXClient("HTTP", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(addr, ""), opt)
	return httpCaller{
		call: func(ctx context.Context, method string, args, reply any) error {
			return x.Call(ctx, method, args, reply)
		},
		pushed: func() string { return <-pushed },
		close:  x.Close,
	}
}

func realHTTPClient(t *testing.T, setting httpSetting, addr string) httpCaller {
	t.Helper()
	opt := realclient.DefaultOption
	opt.TLSConfig = setting.client
	opt.ConnectTimeout = dialTimeout
	d, err := realclient.NewPeer2PeerDiscovery(addr, "")
	if err != nil {
		t.Fatal(err)
	}
	pushed := make(chan *realprotocol.Message, 8)
	x := realclient.NewBidirectionalXClient("HTTP", realclient.Failfast, realclient.RandomSelect, d, opt, pushed)
	return httpCaller{
		call: func(ctx context.Context, method string, args, reply any) error {
			call, err := x.Go(ctx, method, args, reply, make(chan *realclient.Call, 1)) // see theirCaller.call
			if err != nil {
				return err
			}
			select {
			case <-call.Done:
				return call.Error
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		pushed: func() string { return string((<-pushed).Payload) },
		close:  x.Close,
	}
}
