// SPDX-License-Identifier: Apache-2.0

// Package quic is the transport of network "quic": QUIC (RFC 9000) over UDP, which is
// always encrypted. Clients and servers that want it are given it:
//
//	s := server.NewServer(server.WithTransport(quic.New()), server.WithTLSConfig(config))
//	option := client.Option{Transports: []transport.Transport{quic.New()}, ConnsPerServer: 4}
//
// Between peers of this module every net.Conn is a stream, and all streams of a client
// to one server share a QUIC connection. A lost packet stalls only the streams whose
// bytes were in it: a client with ConnsPerServer of more than one spreads its calls over
// as many streams, for one handshake and one congestion window. A client or server of
// real rpcx is recognized in the handshake (ALPN "rpcx") and gets what it knows: one
// stream per connection.
//
// Certificates are verified unless the TLS settings say otherwise, with the system's
// authorities if there are no settings. The settings are not modified. A connection
// outlives a change of the client's address, and one that nobody answers on is given up
// after 30 seconds. A listener's address is free again once its connections have ended.
// It holds 4096 connections that have no stream, 256 of one peer; from 256 on a client must
// prove its address.
package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/rpcx-go/rpcx/internal/peerip"
	"github.com/rpcx-go/rpcx/internal/udp"
	"github.com/rpcx-go/rpcx/transport"
)

const network = "quic"

// How the two sides use a connection, as negotiated by ALPN.
const (
	protocolStreams = "rpcx-streams" // each stream is a connection of rpcx, greeted when it is accepted
	protocolRpcx    = "rpcx"         // one stream, as real rpcx has it
)

const (
	// idleTimeout is when a connection is given up that nothing was received on.
	idleTimeout = 30 * time.Second
	// KeepAlive is how often a client proves that it is there, where its settings say
	// nothing: well within the idle timeout, and the memory of most address translators.
	KeepAlive = 10 * time.Second
)

// Transport is the QUIC transport. It must be made with New. Clients that share one
// share connections, too, when they have the same TLS settings.
type Transport struct {
	mu      sync.Mutex
	dials   map[target]*dial // the connections that new streams go to
	running sync.WaitGroup   // listeners and connections

	maxGuests, doubtFrom int // tests have less
}

var _ transport.Transport = (*Transport)(nil)

// New returns the QUIC transport.
func New() *Transport {
	return &Transport{dials: make(map[target]*dial), maxGuests: maxGuests, doubtFrom: doubtFrom}
}

// Networks returns "quic".
func (*Transport) Networks() []string { return []string{network} }

// Close waits until the last bytes of connections that were closed have reached their
// peers, which takes seconds at most. It is for programs that end after it; listeners
// and connections must have been closed before.
func (t *Transport) Close() error {
	t.running.Wait()
	return nil
}

// Dial opens a stream to addr, a host and a port, over the QUIC connection that is
// there or a new one, and waits until the server has accepted it. The host is verified
// unless the TLS settings name another server. KeepAlive is the time between probes,
// [KeepAlive] by default.
func (t *Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	c, err := t.open(ctx, target{addr: addr, tls: s.TLS, keepAlive: s.KeepAlive})
	if err != nil {
		return nil, fmt.Errorf("quic: dial %s: %w", addr, err)
	}
	return c, nil
}

// connect makes a QUIC connection.
func (t *Transport) connect(ctx context.Context, to target) (*session, error) {
	remote, local, err := udp.Route(ctx, to.addr)
	if err != nil {
		return nil, err
	}
	// The socket has no address of its own, so that it can follow a machine that moves.
	socket, err := udp.Listen(ctx, ":0")
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(to.addr) // Route took it
	below := &quicgo.Transport{Conn: socket}
	conn, err := below.Dial(ctx, remote, clientTLS(to.tls, host), clientConfig(to.keepAlive))
	if err != nil {
		_ = below.Close()
		_ = socket.Close()
		return nil, err
	}
	if bound, ok := socket.LocalAddr().(*net.UDPAddr); ok {
		local.Port = bound.Port
	}
	s := newSession(conn, local, &t.running, func() time.Duration { return 0 })
	t.running.Go(func() {
		<-conn.Context().Done()
		_ = below.Close()
		_ = socket.Close()
	})
	return s, nil
}

// Listen listens on addr, a host and a port. The TLS settings must have a certificate.
// The connections that it accepts have run their handshake. KeepAlive makes the server
// send probes as well; by default clients do.
func (t *Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	if s.TLS == nil || len(s.TLS.Certificates) == 0 && s.TLS.GetCertificate == nil && s.TLS.GetConfigForClient == nil {
		return nil, errors.New("quic: a server needs tls settings with a certificate")
	}
	socket, err := udp.Listen(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("quic: %w", err)
	}
	visitors := &guests{permits: s.Permits, doubt: t.doubtFrom, crowd: peerip.NewCrowd(t.maxGuests, maxGuestsPerPeer)}
	below := &quicgo.Transport{
		Conn:                socket,
		StatelessResetKey:   resetKey(s.TLS),
		VerifySourceAddress: visitors.doubts,
		ConnContext:         visitors.welcome,
	}
	accepting, err := below.Listen(serverTLS(s.TLS), serverConfig(s.KeepAlive))
	if err != nil {
		_ = below.Close()
		_ = socket.Close()
		return nil, fmt.Errorf("quic: listen on %s: %w", addr, err)
	}
	l := newListener(accepting)
	t.running.Go(func() {
		l.run()
		_ = below.Close()
		_ = socket.Close()
	})
	return l, nil
}

func clientConfig(keepAlive time.Duration) *quicgo.Config {
	if keepAlive == 0 {
		keepAlive = KeepAlive
	}
	return serverConfig(keepAlive)
}

func serverConfig(keepAlive time.Duration) *quicgo.Config {
	return &quicgo.Config{
		MaxIdleTimeout:        idleTimeout,
		KeepAlivePeriod:       max(keepAlive, 0),
		MaxIncomingUniStreams: -1,
	}
}

func clientTLS(c *tls.Config, host string) *tls.Config {
	if c == nil {
		c = new(tls.Config) //nolint:gosec // the version is set below
	}
	c = withProtocols(c)
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}

func serverTLS(c *tls.Config) *tls.Config {
	c = withProtocols(c)
	if choose := c.GetConfigForClient; choose != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen != nil {
				chosen = withProtocols(chosen)
			}
			return chosen, err
		}
	}
	return c
}

// withProtocols copies c, with what QUIC asks for.
func withProtocols(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = tls.VersionTLS13
	if len(c.NextProtos) == 0 {
		c.NextProtos = []string{protocolStreams, protocolRpcx}
	}
	return c
}

func check(name string) error {
	if name != network {
		return fmt.Errorf("quic: %w", net.UnknownNetworkError(name))
	}
	return nil
}
