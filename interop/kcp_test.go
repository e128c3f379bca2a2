// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	realclient "github.com/smallnest/rpcx/client"
	realprotocol "github.com/smallnest/rpcx/protocol"
	realserver "github.com/smallnest/rpcx/server"
	realkcp "github.com/xtaci/kcp-go"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/kcp"
)

// What real rpcx does with its build tag kcp, in files of one line each, is done here
// by hand: the shards and the library are those.
const realDataShards, realParityShards = 10, 3

// KCPText is an argument and a reply.
type KCPText struct{ Text string }

// KCPService runs on either server. conn pushes on the connection of a call.
type KCPService struct {
	push func(ctx context.Context, payload []byte) error
	told chan string
}

// Say answers with the argument.
func (*KCPService) Say(_ context.Context, args, reply *KCPText) error {
	if args.Text == "" {
		return errors.New("nothing was said")
	}
	reply.Text = args.Text
	return nil
}

// Tell keeps the argument and pushes it back.
func (s *KCPService) Tell(ctx context.Context, args, _ *KCPText) error {
	s.told <- args.Text
	return s.push(ctx, []byte(args.Text))
}

// kcpCaller is a client of either kind.
type kcpCaller struct {
	call   func(ctx context.Context, method string, args, reply any) error
	oneway func(ctx context.Context, method string, args any) error
	pushed func() string
	close  func() error
}

// TestKCP runs our client against a real server, a real client against ours, and both
// against themselves, with the cipher of rpcx's public examples.
func TestKCP(t *testing.T) {
	t.Parallel()
	key := kcp.DeriveKey("rpcx-key", "rpcx-salt")
	cipher, err := kcp.AES(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := realkcp.NewAESBlockCrypt(key)
	if err != nil {
		t.Fatal(err)
	}
	tr := kcp.New(kcp.Config{Cipher: cipher})
	servers := map[string]func(*testing.T, *KCPService) string{
		"our":  func(t *testing.T, s *KCPService) string { return ourKCPServer(t, tr, s) },
		"rpcx": func(t *testing.T, s *KCPService) string { return realKCPServer(t, block, s) },
	}
	clients := map[string]func(*testing.T, string) kcpCaller{
		"our":  func(_ *testing.T, addr string) kcpCaller { return ourKCPClient(tr, addr) },
		"rpcx": func(t *testing.T, addr string) kcpCaller { return realKCPClient(t, block, addr) },
	}
	for from, open := range clients {
		for to, serve := range servers {
			t.Run(from+"->"+to, func(t *testing.T) {
				t.Parallel()
				service := &KCPService{told: make(chan string, 1)}
				addr := serve(t, service)
				// A client that comes and goes must not harm those after it, though a real
				// peer learns nothing of its end.
				testKCPCalls(t, open(t, addr), service)
				testKCPCalls(t, open(t, addr), service)
			})
		}
	}
}

func testKCPCalls(t *testing.T, c kcpCaller, service *KCPService) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			args, reply := &KCPText{strings.Repeat("text ", 1+i*500)}, new(KCPText)
			if err := c.call(ctx, "Say", args, reply); err != nil || *reply != *args {
				t.Errorf("call %d: %d bytes, %v", i, len(reply.Text), err)
			}
		})
	}
	all.Wait()
	args, reply := &KCPText{strings.Repeat("large", 50_000)}, new(KCPText)
	if err := c.call(ctx, "Say", args, reply); err != nil || *reply != *args {
		t.Errorf("250 KB: %d bytes, %v", len(reply.Text), err)
	}
	if err := c.call(ctx, "Say", &KCPText{}, reply); err == nil || err.Error() != "nothing was said" {
		t.Errorf("the service's error is %v", err)
	}
	if err := c.oneway(ctx, "Tell", &KCPText{"news"}); err != nil {
		t.Errorf("one-way: %v", err)
	}
	if told := <-service.told; told != "news" {
		t.Errorf("the server was told %q", told)
	}
	if got := c.pushed(); got != "news" {
		t.Errorf("%q was pushed", got)
	}
	if err := c.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func ourKCPServer(t *testing.T, tr *kcp.Transport, service *KCPService) string {
	t.Helper()
	service.push = func(ctx context.Context, payload []byte) error {
		return server.ConnFrom(ctx).Push(ctx, "News", "Told", rpcx.Metadata{}, payload)
	}
	s := server.NewServer(server.WithTransport(tr), server.WithLogger(quiet()))
	if err := s.RegisterName("Service", service, ""); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("kcp", "127.0.0.1:0") }()
	<-s.Started()
	t.Cleanup(func() {
		_ = s.Close() // a test server has no registry to fail
		<-ended
	})
	return s.Address().String()
}

func realKCPServer(t *testing.T, block realkcp.BlockCrypt, service *KCPService) string {
	t.Helper()
	s := realserver.NewServer()
	service.push = func(ctx context.Context, payload []byte) error {
		conn, _ := ctx.Value(realserver.RemoteConnContextKey).(net.Conn)
		return s.SendMessage(conn, "News", "Told", nil, payload)
	}
	s.HandleServiceError = func(error) {} // else each goes to the log
	if err := s.RegisterName("Service", service, ""); err != nil {
		t.Fatal(err)
	}
	ln, err := realkcp.ListenWithOptions("127.0.0.1:0", block, realDataShards, realParityShards)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.ServeListener("kcp", ln) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return ln.Addr().String()
}

func ourKCPClient(tr *kcp.Transport, addr string) kcpCaller {
	pushed := make(chan *protocol.Message, 1)
	x := client.NewXClient("Service", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery("kcp@"+addr, ""),
		client.Option{Transports: []transport.Transport{tr}, Pushes: pushed})
	return kcpCaller{
		call: func(ctx context.Context, method string, args, reply any) error {
			return x.Call(ctx, method, args, reply)
		},
		oneway: func(ctx context.Context, method string, args any) error { return x.Oneshot(ctx, method, args) },
		pushed: func() string { return string((<-pushed).Payload) },
		close:  x.Close,
	}
}

// realKCPClient makes a client by hand: rpcx's own function for it exists with the tag.
func realKCPClient(t *testing.T, block realkcp.BlockCrypt, addr string) kcpCaller {
	t.Helper()
	realKCPDial.Do(func() {
		realclient.ConnFactories["kcp"] = func(_ *realclient.Client, _, addr string) (net.Conn, error) {
			return realkcp.DialWithOptions(addr, block, realDataShards, realParityShards)
		}
	})
	d, err := realclient.NewPeer2PeerDiscovery("kcp@"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	pushed := make(chan *realprotocol.Message, 4)
	x := realclient.NewBidirectionalXClient("Service", realclient.Failfast, realclient.RandomSelect, d, realclient.DefaultOption, pushed)
	return kcpCaller{
		call: func(ctx context.Context, method string, args, reply any) error {
			return x.Call(ctx, method, args, reply)
		},
		oneway: func(ctx context.Context, method string, args any) error { return x.Oneshot(ctx, method, args) },
		pushed: func() string { return string((<-pushed).Payload) },
		close:  x.Close,
	}
}

// realKCPDial registers the function once: rpcx has one map of them for the program.
var realKCPDial sync.Once //nolint:gochecknoglobals // as is what it guards
