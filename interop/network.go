// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// network is a transport of the matrix.
type network struct {
	name   string
	scheme string      // as both frameworks call it
	server *tls.Config // nil: plain
	client *tls.Config

	folder  string        // for sockets
	sockets *atomic.Int64 // how many there were
}

func (n *network) String() string { return n.name }

// networks returns the transports of the matrix, and unix with TLS, which is beside
// it. Sockets are made in folder.
func networks(folder string) (matrix []*network, unixTLS *network, err error) {
	server, client, err := certificates()
	if err != nil {
		return nil, nil, err
	}
	sockets := new(atomic.Int64)
	matrix = []*network{
		{name: "tcp", scheme: "tcp"},
		{name: "tls", scheme: "tcp", server: server, client: client},
		{name: "unix", scheme: "unix", folder: folder, sockets: sockets},
	}
	unixTLS = &network{name: "unix+tls", scheme: "unix", server: server, client: client, folder: folder, sockets: sockets}
	return matrix, unixTLS, nil
}

// address returns one that a server can listen on.
func (n *network) address() string {
	if n.scheme == "unix" {
		return filepath.Join(n.folder, fmt.Sprintf("%d.sock", n.sockets.Add(1)))
	}
	return "127.0.0.1:0"
}

// listen returns a listener as the frameworks make it themselves.
func (n *network) listen() (net.Listener, error) {
	ln, err := net.Listen(n.scheme, n.address())
	if err == nil && n.server != nil {
		ln = tls.NewListener(ln, n.server)
	}
	return ln, err
}

// gone waits until nobody listens any more where s did.
func (n *network) gone(ctx context.Context, s serving) error {
	_, addr, _ := strings.Cut(s.address(), "@")
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := net.Dial(n.scheme, addr)
		if err != nil {
			return nil
		}
		_ = conn.Close() // it has shown that somebody listens
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serverName is what the certificate is for.
const serverName = "localhost"

// certificates returns the settings of a server and of its clients.
func certificates() (server, client *tls.Config, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{serverName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	client = &tls.Config{RootCAs: roots, ServerName: serverName}
	return server, client, nil
}
