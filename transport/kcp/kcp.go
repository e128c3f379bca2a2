// SPDX-License-Identifier: Apache-2.0

// Package kcp is the transport of network "kcp": KCP over UDP, with forward error
// correction. It buys short delays on lossy lines with more traffic than TCP's. It is
// what real rpcx, built with its tag kcp, speaks:
//
//	cipher, err := kcp.AES(kcp.DeriveKey("rpcx-key", "rpcx-salt"))
//	...
//	s := server.NewServer(server.WithTransport(kcp.New(kcp.Config{Cipher: cipher})))
//
// Both sides need the same cipher, key and shards: packets of others are dropped without
// a word. The block ciphers keep readers out, but do not prove who sends; [AESGCM]
// between peers of this module does, and TLS, which works over kcp between them as well.
//
// KCP has no handshake. A plain Dial succeeds whether somebody listens or not, and a
// server sees a connection with its first bytes. It has no end either: peers of this
// module tell each other when they close, one of real rpcx does not. So clients should
// have heartbeats (client.Option.Heartbeat), and servers keep their idle timeout. A
// listener's address is free again once its connections have ended.
package kcp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"sync"

	kcpgo "github.com/xtaci/kcp-go/v5"

	"github.com/rpcx-go/rpcx/internal/udp"
	"github.com/rpcx-go/rpcx/transport"
)

const network = "kcp"

// Transport is the KCP transport. It must be made with New.
type Transport struct {
	config  Config
	running sync.WaitGroup // listeners and connections
}

var _ transport.Transport = (*Transport)(nil)

// New returns the KCP transport. What is wrong with c is reported by Dial and Listen.
func New(c Config) *Transport { return &Transport{config: c.withDefaults()} }

// Networks returns "kcp".
func (*Transport) Networks() []string { return []string{network} }

// Close waits until the last bytes of connections that were closed should have reached
// their peers, which takes two seconds at most. It is for programs that end after it;
// listeners and connections must have been closed before.
func (t *Transport) Close() error {
	t.running.Wait()
	return nil
}

// Dial connects to addr, a host and a port. Without TLS nothing is sent. With TLS the
// host is verified unless the settings name another server. KeepAlive has no effect:
// KCP has none.
func (t *Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := t.check(network); err != nil {
		return nil, err
	}
	remote, local, err := udp.Route(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("kcp: dial %s: %w", addr, err)
	}
	socket, err := udp.Listen(ctx, local.String())
	if err != nil {
		return nil, fmt.Errorf("kcp: dial %s: %w", addr, err)
	}
	c := &t.config
	session, err := kcpgo.NewConn4(conversation(), remote, c.Cipher, c.DataShards, c.ParityShards, true, socket)
	if err != nil {
		_ = socket.Close() // nothing was sent
		return nil, fmt.Errorf("kcp: dial %s: %w", addr, err)
	}
	conn := newConn(session, c, &t.running, func() {})
	host, _, _ := net.SplitHostPort(addr) // Route took it
	return s.ClientTLS(ctx, conn, host)
}

// conversation returns a number that tells a connection from others of its address.
func conversation() uint32 {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return binary.LittleEndian.Uint32(b)
}

// Listen listens on addr, a host and a port.
func (t *Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	if err := t.check(network); err != nil {
		return nil, err
	}
	socket, err := udp.Listen(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("kcp: %w", err)
	}
	accepting, err := kcpgo.ServeConn(t.config.Cipher, t.config.DataShards, t.config.ParityShards, socket)
	if err != nil {
		_ = socket.Close() // nothing was received
		return nil, fmt.Errorf("kcp: listen on %s: %w", addr, err)
	}
	l := newListener(accepting, socket, &t.config, &t.running)
	t.running.Go(l.run)
	return s.ServerTLS(l)
}

func (t *Transport) check(name string) error {
	if name != network {
		return fmt.Errorf("kcp: %w", net.UnknownNetworkError(name))
	}
	return t.config.check()
}
