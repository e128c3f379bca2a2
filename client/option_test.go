// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// numbered is a codec under another number.
type numbered struct {
	codec.Codec
	id protocol.SerializeType
}

func (n numbered) ID() protocol.SerializeType { return n.id }

// renumbered is the same for a compressor.
type renumbered struct {
	compress.Compressor
	id protocol.CompressType
}

func (n renumbered) ID() protocol.CompressType { return n.id }

// What is wrong with the arguments of a constructor, which returns no error, comes
// from every call.
func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	peer := client.NewPeer2PeerDiscovery("tcp@127.0.0.1:1", "")
	tests := []struct {
		name string
		mode client.FailMode
		sel  client.SelectMode
		d    client.Discovery
		opt  client.Option
		says string
	}{
		{name: "empty address", d: client.NewPeer2PeerDiscovery("", ""), says: `address ""`},
		{name: "no address", d: client.NewPeer2PeerDiscovery("tcp@", ""), says: `address "tcp@"`},
		{name: "no network", d: client.NewPeer2PeerDiscovery("@127.0.0.1:80", ""), says: "network@address"},
		{name: "no port", d: client.NewPeer2PeerDiscovery("tcp@127.0.0.1", ""), says: "missing port"},
		{name: "two ports", d: client.NewPeer2PeerDiscovery("tcp@127.0.0.1:80:81", ""), says: "too many colons"},
		{name: "bad metadata", d: client.NewPeer2PeerDiscovery("tcp@127.0.0.1:80", "%zz"), says: "metadata"},
		{name: "unknown network", d: client.NewPeer2PeerDiscovery("pigeon@roof", ""), says: "pigeon"},
		{name: "no discovery", d: nil, says: "discovery is nil"},
		{name: "fail mode", d: peer, mode: 9, says: "fail mode 9"},
		{name: "negative fail mode", d: peer, mode: -1, says: "fail mode -1"},
		{name: "select mode", d: peer, sel: 9, says: "select mode 9"},
		{name: "MaxPending", d: peer, opt: client.Option{MaxPending: -1}, says: "MaxPending"},
		{name: "MaxUnsent", d: peer, opt: client.Option{MaxUnsent: -1}, says: "MaxUnsent"},
		{name: "ConnsPerServer", d: peer, opt: client.Option{ConnsPerServer: -1}, says: "ConnsPerServer"},
		{name: "PushQueue", d: peer, opt: client.Option{PushQueue: -1}, says: "PushQueue"},
		{name: "ConnectTimeout", d: peer, opt: client.Option{ConnectTimeout: -1}, says: "ConnectTimeout"},
		{name: "HeartbeatInterval", d: peer, opt: client.Option{HeartbeatInterval: -time.Second}, says: "HeartbeatInterval of -1s"},
		{name: "MaxWaitForHeartbeat", d: peer, opt: client.Option{MaxWaitForHeartbeat: -1}, says: "MaxWaitForHeartbeat"},
		{name: "WriteTimeout", d: peer, opt: client.Option{WriteTimeout: -1}, says: "WriteTimeout"},
		{name: "Retries", d: peer, opt: client.Option{Retries: -2}, says: "Retries of -2"},
		{name: "BackupLatency", d: peer, opt: client.Option{BackupLatency: -1}, says: "BackupLatency of -1ns"},
		{name: "Breaker", d: peer, opt: client.Option{Breaker: client.Breaker{Failures: -1}}, says: "Breaker.Failures"},
		{name: "Breaker's rate", d: peer, opt: client.Option{Breaker: client.Breaker{Rate: -0.1}}, says: "Breaker.Rate of -0.1"},
		{name: "Ejection", d: peer, opt: client.Option{Ejection: client.Ejection{MaxPercent: -1}}, says: "Ejection.MaxPercent"},
		{name: "SerializeType", d: peer, opt: client.Option{SerializeType: 9}, says: "SerializeType codec-9"},
		{name: "SerializeType out of range", d: peer, opt: client.Option{SerializeType: 99}, says: "codec-99"},
		{name: "CompressType", d: peer, opt: client.Option{CompressType: 5}, says: "CompressType compress-5"},
		{name: "codec out of range", d: peer, opt: client.Option{Codecs: []codec.Codec{numbered{json.Codec{}, 16}}}, says: "number 16"},
		{name: "compressor out of range", d: peer, opt: client.Option{Compressors: []compress.Compressor{renumbered{squeeze{}, 8}}}, says: "number 8"},
		{name: "two places for pushes", d: peer, opt: client.Option{
			OnPush: func(*protocol.Message) {}, Pushes: make(chan *protocol.Message),
		}, says: "both Option.OnPush and Option.Pushes"},
		{name: "several", d: nil, mode: 9, opt: client.Option{MaxPending: -1, MaxUnsent: -1}, says: "MaxUnsent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := client.NewXClient("S", tt.mode, tt.sel, tt.d, tt.opt)
			closing(t, x)
			for range 2 {
				_, _, rawErr := x.SendRaw(t.Context(), &protocol.Message{Method: "M"})
				call := x.Go(t.Context(), "M", []byte("x"), new([]byte), nil)
				receipts, informErr := x.Inform(t.Context(), "M", []byte("x"), new([]byte))
				if receipts != nil {
					t.Errorf("receipts %v", receipts)
				}
				for _, err := range []error{
					informErr,
					x.Broadcast(t.Context(), "M", []byte("x"), new([]byte)),
					x.Fork(t.Context(), "M", []byte("x"), new([]byte), client.WaitForReady()),
					x.Call(t.Context(), "M", []byte("x"), new([]byte)),
					x.Oneshot(t.Context(), "M", []byte("x")),
					rawErr,
					receive(t, call.Done, "the call").Error,
				} {
					wantError(t, err, rpcx.InvalidArgument, true)
					if err != nil && !strings.Contains(err.Error(), tt.says) {
						t.Errorf("error %q does not say %q", err, tt.says)
					}
				}
			}
		})
	}
}

// An Option is copied: what becomes of it later changes nothing.
func TestOptionIsCopied(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	s := server.NewServer(server.WithTLSConfig(ca.Server()))
	handle(t, s, "M", echo)
	addr := startTCP(t, s)
	opt := client.Option{TLSConfig: ca.Client()}
	x := client.NewXClient("S", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery("tcp@"+addr, ""), opt)
	closing(t, x)
	opt.TLSConfig.RootCAs = nil
	opt.TLSConfig.ServerName = "somewhere.else"
	opt.MaxPending = -1
	var peer rpcx.Peer
	wantOK(t, receive(t, inBackground(of(t.Context(), x, client.WithPeer(&peer)), "x"), "the call"), "x")
	if peer.TLS == nil || !peer.TLS.HandshakeComplete || peer.Network != "tcp" {
		t.Errorf("peer is %+v", peer)
	}
}

// Servers are verified unless the user says otherwise.
func TestTLSVerifies(t *testing.T) {
	t.Parallel()
	s := server.NewServer(server.WithTLSConfig(transporttest.NewCA(t).Server()))
	handle(t, s, "M", echo)
	addr := startTCP(t, s)
	x := client.NewXClient("S", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery("tcp@"+addr, ""), client.Option{TLSConfig: transporttest.NewCA(t).Client()})
	closing(t, x)
	err := x.Call(t.Context(), "M", []byte("x"), new([]byte))
	wantError(t, err, rpcx.Unavailable, true)
	if err != nil && !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error is %q", err)
	}
}

// Metadata goes out from the context and from the option, which wins; what comes back
// is the trailer.
func TestMetadata(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", func(ctx context.Context, args, reply *[]byte) error {
		md := rpcx.IncomingMetadata(ctx)
		*reply = []byte(md.Get("a") + md.Get("b") + md.Get("c") + md.Get("d"))
		if err := rpcx.SetReplyMetadata(ctx, "served-by", "me"); err != nil {
			return err
		}
		if string(*args) == "fail" {
			return errors.New("failed")
		}
		return nil
	})
	x := s.Client(t, "S", client.Option{})
	ctx := rpcx.WithMetadata(t.Context(), rpcx.Pairs("a", "1", "b", "2", "c", "3"))
	for args, fails := range map[string]bool{"work": false, "fail": true} {
		trailer := rpcx.Pairs("left", "over")
		var reply []byte
		err := x.Call(ctx, "M", []byte(args), &reply, nil, client.WithMetadata(rpcx.Pairs("b", "B", "c", "x")), nil,
			client.WithMetadata(rpcx.Pairs("c", "C", "d", "D")), client.WithTrailer(&trailer), nil)
		if (err != nil) != fails || string(reply) != "1BCD" {
			t.Errorf("%s: %q, %v", args, reply, err)
		}
		if trailer.Get("served-by") != "me" || trailer.Get("left") != "" {
			t.Errorf("%s: trailer is %v", args, trailer.Map())
		}
	}
	trailer := rpcx.Pairs("left", "over")
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	wantError(t, x.Call(canceled, "M", []byte("x"), new([]byte), client.WithTrailer(&trailer)), rpcx.Canceled, true)
	if !trailer.IsZero() {
		t.Errorf("trailer of a call without a reply is %v", trailer.Map())
	}
}

// The token goes with every call from the moment it is set.
func TestAuth(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t, server.WithAuth(func(_ context.Context, service, method, token string) error {
		if token != "bearer "+service+"/"+method {
			return errors.New("invalid token")
		}
		return nil
	}))
	handle(t, s.Server, "M", echo)
	x := s.Client(t, "S", client.Option{})
	err := x.Call(t.Context(), "M", []byte("x"), new([]byte))
	wantError(t, err, rpcx.Unauthenticated, true)
	if err != nil && err.Error() != "invalid token" {
		t.Errorf("error is %q", err)
	}
	x.Auth("bearer S/M")
	wantOK(t, receive(t, inBackground(of(t.Context(), x), "x"), "the call"), "x")
	x.Auth("")
	wantError(t, x.Call(t.Context(), "M", []byte("x"), new([]byte)), rpcx.Unauthenticated, true)
}

// No token, no metadata for it.
func TestAuthOnTheWire(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, m.Metadata.Get(authKey)) })
	x := p.client(client.Failfast, client.Option{})
	for _, token := range []string{"", "bearer x", "y", ""} {
		x.Auth(token)
		wantOK(t, receive(t, inBackground(of(t.Context(), x), "x"), "the call"), token)
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	x := rpctest.Serve(t, "Arith", new(Arith))
	reply, err := client.Invoke[Reply](t.Context(), x, "Mul", &Args{A: 6, B: 7}, client.WithTimeout(patience))
	if err != nil || reply.C != 42 {
		t.Errorf("got %+v, %v", reply, err)
	}
	reply, err = client.Invoke[Reply](t.Context(), x, "Div", &Args{A: 6, B: 7})
	wantError(t, err, rpcx.Unimplemented, true)
	if reply != nil {
		t.Errorf("got %+v beside an error", reply)
	}
	bytes, err := client.Invoke[[]byte](t.Context(), callerFunc(func(reply any) { *reply.(*[]byte) = []byte("fake") }), "M", nil)
	if err != nil || string(*bytes) != "fake" {
		t.Errorf("got %v, %v", bytes, err)
	}
}

// callerFunc is what a test puts in an XClient's place.
type callerFunc func(reply any)

func (f callerFunc) Call(_ context.Context, _ string, _, reply any, _ ...client.CallOption) error {
	f(reply)
	return nil
}

// Oneshot is done when it is written: whether the service exists is not known.
func TestOneshot(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	got := make(chan string, 1)
	handle(t, s.Server, "M", func(_ context.Context, args, _ *[]byte) error {
		got <- string(*args)
		return errors.New("nobody hears this")
	})
	x := s.Client(t, "S", client.Option{})
	if err := x.Oneshot(t.Context(), "M", []byte("x")); err != nil {
		t.Error(err)
	}
	if args := receive(t, got, "the call"); args != "x" {
		t.Errorf("got %q", args)
	}
	if err := x.Oneshot(t.Context(), "Nowhere", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := x.Call(t.Context(), "M", []byte("y"), nil); err != nil {
		t.Error(err)
	}
	if args := receive(t, got, "the call"); args != "y" {
		t.Errorf("got %q", args)
	}
}

// One Client calls any number of services.
func TestClientOfManyServices(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	for _, service := range []string{"A", "B"} {
		err := server.Handle(s.Server, service, "Name", func(_ context.Context, _, reply *[]byte) error {
			*reply = []byte(service)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c := client.NewClient(client.Failfast, client.RandomSelect, s.Discovery(), s.Option(client.Option{}))
	closing(t, c)
	for _, service := range []string{"A", "B", "A"} {
		var reply []byte
		if err := c.Call(t.Context(), service, "Name", []byte{}, &reply); err != nil || string(reply) != service {
			t.Errorf("got %q, %v", reply, err)
		}
		call := c.Go(t.Context(), service, "Name", []byte{}, &reply, nil)
		if receive(t, call.Done, "the call"); call.Error != nil || call.Service != service {
			t.Errorf("call is %+v", call)
		}
		if err := c.Oneshot(t.Context(), service, "Name", []byte{}); err != nil {
			t.Error(err)
		}
	}
	wantError(t, c.Call(t.Context(), "C", "Name", []byte{}, new([]byte)), rpcx.Unimplemented, true)
	if n := len(s.Conns()); n != 1 {
		t.Errorf("%d connections, want one for all services", n)
	}
	c.Auth("bearer x")
}

// After Close, calls fail with Canceled; Close may be called again, and at any time.
func TestUseAfterClose(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{false, true} {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		x := client.NewXClient("S", client.Failover, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), p.option(client.Option{}))
		if used {
			wantOK(t, receive(t, inBackground(of(t.Context(), x), "x"), "the call"), "ok")
		}
		for range 2 {
			if err := x.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		_, _, rawErr := x.SendRaw(t.Context(), &protocol.Message{Method: "M"})
		for _, err := range []error{
			x.Call(t.Context(), "M", []byte("x"), new([]byte)),
			x.Oneshot(t.Context(), "M", []byte("x")),
			rawErr,
			receive(t, x.Go(t.Context(), "M", []byte("x"), new([]byte), nil).Done, "the call").Error,
		} {
			wantError(t, err, rpcx.Canceled, true)
		}
		if x.Service() != "S" {
			t.Errorf("service is %q", x.Service())
		}
	}
}

// Calls under way when the client is closed fail with Canceled, and are not repeated.
func TestCloseEndsCalls(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failfast, client.Failover, client.Failtry} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			x := p.client(mode, client.Option{})
			done := inBackground(of(t.Context(), x), "x")
			w := p.accept()
			w.next()
			x.Close()
			got := receive(t, done, "the call")
			wantError(t, got.err, rpcx.Canceled, false)
			if !strings.Contains(got.err.Error(), "outcome unknown") {
				t.Errorf("error is %q", got.err)
			}
			if n := p.accepted(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}
