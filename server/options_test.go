// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// numberedCodec is a codec in name and number alone.
type numberedCodec struct {
	codec.Codec
	id protocol.SerializeType
}

func (c numberedCodec) ID() protocol.SerializeType { return c.id }
func (numberedCodec) Name() string                 { return "numbered" }

type numberedCompressor struct {
	compress.Compressor
	id protocol.CompressType
}

func (c numberedCompressor) ID() protocol.CompressType { return c.id }
func (numberedCompressor) Name() string                { return "numbered" }

// An option that cannot take effect is reported by Serve, ServeListener and every
// registration; nothing panics and nothing is served.
func TestWrongOptions(t *testing.T) {
	t.Parallel()
	limits := func(change func(*server.Limits)) server.Option {
		var l server.Limits
		change(&l)
		return server.WithLimits(l)
	}
	for name, c := range map[string]struct {
		opt  server.Option
		want string
	}{
		"Connections":      {limits(func(l *server.Limits) { l.Connections = -1 }), "limit Connections of -1, want a positive number or 0 for the default of 10000"},
		"HandlersPerConn":  {limits(func(l *server.Limits) { l.HandlersPerConn = -1 }), "limit HandlersPerConn of -1"},
		"Handlers":         {limits(func(l *server.Limits) { l.Handlers = -7 }), "limit Handlers of -7"},
		"UnsentReplies":    {limits(func(l *server.Limits) { l.UnsentReplies = -1 }), "limit UnsentReplies of -1"},
		"HTTPBodies":       {limits(func(l *server.Limits) { l.HTTPBodies = 1000 }), "limit HTTPBodies of 1000 is less than Payload of 16777216"},
		"Pushes":           {limits(func(l *server.Limits) { l.Pushes = -1 }), "limit Pushes of -1"},
		"HandshakeTimeout": {limits(func(l *server.Limits) { l.HandshakeTimeout = -1 }), "limit HandshakeTimeout of -1ns, want a positive time or 0 for the default of 10s"},
		"WriteTimeout":     {limits(func(l *server.Limits) { l.WriteTimeout = -time.Second }), "limit WriteTimeout of -1s"},
		"IdleTimeout":      {limits(func(l *server.Limits) { l.IdleTimeout = -2 }), "limit IdleTimeout of -2ns"},
		"origin":           {server.WithHTTPOrigins("https://app.example.com/page"), `server: origin "https://app.example.com/page", want one such as`},
		"codec":            {server.WithCodec(numberedCodec{id: 16}), "has number 16, the largest is 15"},
		"compressor 0":     {server.WithCompressor(numberedCompressor{id: 0}), "has number 0, want 1 to 7"},
		"compressor 8":     {server.WithCompressor(numberedCompressor{id: 8}), "has number 8, want 1 to 7"},
		"push policy":      {server.WithPushPolicy(99), "unknown push policy"},
		"drain delay":      {server.WithRegistrar(nil, "", -time.Second), "negative drain delay"},
		"advertise":        {server.WithRegistrar(nil, "tcp@", 0), `address "tcp@" is not of the form network@address`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server.NewServer(c.opt, server.WithLogger(slog.New(slog.DiscardHandler)))
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			for how, err := range map[string]error{
				"Serve":            s.Serve("tcp", "127.0.0.1:0"),
				"ServeListener":    s.ServeListener("tcp", ln),
				"Register":         s.Register(Arith{}, ""),
				"RegisterFunction": s.RegisterFunction("A", double, ""),
				"Handle":           server.Handle(s, "A", "b", double),
			} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s returns %v, want %q", how, err, c.want)
				}
			}
			if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the listener is open: %v", err)
			}
			if s.Address() != nil {
				t.Error("it listens all the same")
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// Everything that is wrong is said at once.
func TestAllWrongOptionsAreReported(t *testing.T) {
	t.Parallel()
	s := server.NewServer(server.WithLimits(server.Limits{Pushes: -1}), server.WithPushPolicy(99), server.WithCodec(numberedCodec{id: 99}))
	err := s.Serve("tcp", "127.0.0.1:0")
	for _, want := range []string{"limit Pushes", "push policy", "number 99"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Serve returns %v, want it to say %q as well", err, want)
		}
	}
}

// Options that say nothing change nothing.
func TestNilOptions(t *testing.T) {
	t.Parallel()
	w := inMemory(t, nil, server.WithLogger(nil), server.WithObserver(nil), server.WithAuth(nil), server.WithTLSConfig(nil),
		server.WithCodec(), server.WithCompressor(), server.WithTransport(), server.WithInterceptor()).arith()
	w.mustWork(t)
}

func TestServeErrors(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := server.NewServer()
	defer s.Close()
	for _, c := range []struct{ name, network, addr, want string }{
		{"unknown network", "carrier-pigeon", ":0", `server: serve carrier-pigeon@:0: transport: unknown network "carrier-pigeon", have reuseport tcp`},
		{"no network", "", ":0", "unknown network"},
		{"bad address", "tcp", "127.0.0.1:notaport", "server: serve tcp@127.0.0.1:notaport: "},
		{"address in use", "tcp", taken.Addr().String(), "address already in use"},
		{"no such folder", "unix", filepath.Join(t.TempDir(), "no", "sock"), "server: serve unix@"},
	} {
		if err := s.Serve(c.network, c.addr); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	withoutCertificate := server.NewServer(server.WithTLSConfig(&tls.Config{}))
	defer withoutCertificate.Close()
	if err := withoutCertificate.Serve("tcp", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "need a certificate") {
		t.Errorf("TLS without a certificate: %v", err)
	}
}

// One server on several listeners of several kinds at once.
func TestManyListeners(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	sock := filepath.Join(t.TempDir(), "s.sock")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() { done <- w.Serve("unix", sock) }()
	go func() { done <- w.ServeListener("tcp", ln) }()
	eventually(t, "the socket is there", func() bool { _, err := os.Stat(sock); return err == nil })
	for _, at := range []string{"tcp@" + w.addr, "unix@" + sock, "tcp@" + ln.Addr().String()} {
		x := client.NewXClient("Arith", client.Failover, client.RandomSelect, client.NewPeer2PeerDiscovery(at, ""), client.DefaultOption)
		reply := new(Reply)
		if err := x.Call(t.Context(), "Mul", &Args{6, 7}, reply); err != nil || reply.C != 42 {
			t.Errorf("%s: %+v, %v", at, reply, err)
		}
		x.Close()
	}
	if w.Address().String() != w.addr {
		t.Errorf("Address is %v, want that of the first listener, %s", w.Address(), w.addr)
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-done; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	}
}

// failingListener fails for good after some passing failures.
type failingListener struct {
	net.Listener
	errs chan error
}

func (l failingListener) Accept() (net.Conn, error) { return nil, <-l.errs }

type passingError struct{}

func (passingError) Error() string   { return "too many open files" }
func (passingError) Timeout() bool   { return false }
func (passingError) Temporary() bool { return true }

// Serve goes on after a passing failure and ends with one that stays.
func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := server.NewServer(server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	defer s.Close()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 3)
	errs <- passingError{}
	errs <- passingError{}
	fatal := errors.New("the listener is gone")
	errs <- fatal
	if err := s.ServeListener("tcp", failingListener{inner, errs}); !errors.Is(err, fatal) || !strings.Contains(err.Error(), "server: accept on 127.0.0.1:") {
		t.Errorf("ServeListener returns %v", err)
	}
	if n := strings.Count(log.String(), "accept failed, trying again"); n != 2 {
		t.Errorf("%d warnings, want 2: %s", n, log.String())
	}
	if _, err := inner.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
	// The server can go on with another one.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeListener("tcp", ln) }()
	if err := s.Register(Arith{}, ""); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := newPeer(t, nc).call(request("Arith", "Mul", `{"A":6,"B":7}`)); !bytes.Equal(got.Payload, []byte(`{"C":42}`)) {
		t.Errorf("answered with %s", got.Payload)
	}
	s.Close()
	<-done
}

// TLS: handshakes that must fail, and that nothing but TLS is served.
func TestTLSRefusals(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	w := onTCP(t, server.WithTLSConfig(ca.Server())).arith()
	for name, change := range map[string]func(c *tls.Config){
		"TLS 1.1": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, //nolint:gosec // the point
		"a weak cipher": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}
		}, //nolint:gosec // the point
		"another name":    func(c *tls.Config) { c.ServerName = "example.com" },
		"no root of ours": func(c *tls.Config) { c.RootCAs = nil },
	} {
		config := ca.Client()
		config.ServerName = transporttest.ServerName
		change(config)
		d := tls.Dialer{Config: config}
		if nc, err := d.DialContext(t.Context(), "tcp", w.addr); err == nil {
			nc.Close()
			t.Errorf("%s: the handshake succeeded", name)
		}
	}
	p := w.dial(t) // plain frames on a TLS port
	p.send(request("Arith", "Mul", `{}`))
	p.drained()
	x := w.client(t, "Arith", client.Option{TLSConfig: ca.Client()})
	reply := new(Reply)
	if err := x.Call(t.Context(), "Mul", &Args{6, 7}, reply); err != nil || reply.C != 42 {
		t.Errorf("a good call: %+v, %v", reply, err)
	}
	eventually(t, "the refused are gone", func() bool { return len(w.Conns()) == 1 })
}

// drained checks that the server closes the connection and sends no frame.
func (p *peer) drained() {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	if all := drainAll(p.Conn); len(all) > 0 && all[0] == protocol.Magic {
		p.t.Errorf("received %q, want no frame", all)
	}
}

// Connections over the limit are accepted and closed, and counted; one that leaves
// makes room.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithLimits(server.Limits{Connections: 2})).arith()
	first, second := w.dial(t), w.dial(t)
	first.silent()
	second.silent()
	for n := range uint64(5) {
		w.dial(t).closed()
		eventually(t, "the refusal is counted", func() bool { return w.Stats().RefusedConns == n+1 })
	}
	first.silent()
	second.Close()
	eventually(t, "there is room", func() bool { return w.Stats().Conns == 1 })
	w.mustWork(t)
}

func TestStats(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	if got := w.Stats(); got != (server.Stats{}) {
		t.Errorf("a new server has counted %+v", got)
	}
	p := w.dial(t)
	m := request("Arith", "Mul", `{}`)
	m.Type = protocol.Response
	p.send(m, m)
	p.silent()
	q := w.dial(t)
	_, _ = q.Write([]byte("rubbish"))
	q.closed()
	eventually(t, "it is counted", func() bool {
		return w.Stats() == server.Stats{Conns: 1, StrayResponses: 2, Malformed: 1}
	})
}
