// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// ClientTLS is the last step of a Dial: with TLS set it does the client's part of the
// handshake over conn, which takes as long as ctx allows, and returns the secured
// connection, a *tls.Conn; otherwise it returns conn. host is the name to verify where
// the TLS settings hold none. On an error conn is closed.
func (s Settings) ClientTLS(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	if s.TLS == nil {
		return conn, nil
	}
	config := atLeast12(s.TLS)
	if config.ServerName == "" {
		config.ServerName = host
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		return nil, fmt.Errorf("transport: tls handshake with %s: %w", conn.RemoteAddr(), err)
	}
	return secured, nil
}

// ServerTLS is the last step of a Listen: with TLS set it returns a listener whose
// connections are *tls.Conn, the handshake still to be run; otherwise it returns l. It
// fails, and l is closed, when the TLS settings have no certificate to show.
func (s Settings) ServerTLS(l net.Listener) (net.Listener, error) {
	if s.TLS == nil {
		return l, nil
	}
	if len(s.TLS.Certificates) == 0 && s.TLS.GetCertificate == nil && s.TLS.GetConfigForClient == nil {
		_ = l.Close() // nothing was accepted from it
		return nil, errors.New("transport: the tls settings of a server need a certificate")
	}
	return &tlsListener{Listener: tls.NewListener(l, atLeast12(s.TLS)), below: l}, nil
}

// tlsListener is the listener of package tls with the deadline of the one below: with
// it a server that shuts down takes the connections that are waiting, and no more.
type tlsListener struct {
	net.Listener
	below net.Listener
}

// SetDeadline bounds Accept, where the listener below knows how to.
func (l *tlsListener) SetDeadline(t time.Time) error {
	d, ok := l.below.(interface{ SetDeadline(t time.Time) error })
	if !ok {
		return fmt.Errorf("transport: deadline of listener %s: %w", l.Addr(), errors.ErrUnsupported)
	}
	return d.SetDeadline(t)
}

// atLeast12 copies c and rules out the versions before TLS 1.2.
func atLeast12(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}
