// SPDX-License-Identifier: Apache-2.0

package transporttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// ServerName is the name that the certificates of a CA's servers bear, beside those of
// the loopback addresses.
const ServerName = "localhost"

// CA is a certificate authority for one test: its key is made at run time and nobody
// trusts it but the settings that it hands out.
type CA struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// NewCA makes an authority. It fails the test when that does not work.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{t: t, key: newKey(t), pool: x509.NewCertPool()}
	template := newTemplate(t, "test authority")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	ca.cert = ca.sign(template, template, ca.key)
	ca.pool.AddCert(ca.cert)
	return ca
}

// Server returns the settings of a server that asks its clients for no certificate.
// Its own is for localhost, 127.0.0.1 and ::1.
func (ca *CA) Server() *tls.Config {
	ca.t.Helper()
	template := newTemplate(ca.t, "test server")
	template.DNSNames = []string{ServerName}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return &tls.Config{Certificates: []tls.Certificate{ca.issue(template)}} //nolint:gosec // the transport sets the version
}

// MutualServer returns the settings of a server that takes only clients with a
// certificate of this authority.
func (ca *CA) MutualServer() *tls.Config {
	ca.t.Helper()
	config := ca.Server()
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs = ca.pool
	return config
}

// Client returns the settings of a client that trusts this authority's servers. They
// name no server: the address does.
func (ca *CA) Client() *tls.Config {
	return &tls.Config{RootCAs: ca.pool} //nolint:gosec // the transport sets the version
}

// MutualClient returns the settings of a client that has a certificate as well.
func (ca *CA) MutualClient() *tls.Config {
	ca.t.Helper()
	template := newTemplate(ca.t, "test client")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	config := ca.Client()
	config.Certificates = []tls.Certificate{ca.issue(template)}
	return config
}

// issue makes a key and signs its certificate.
func (ca *CA) issue(template *x509.Certificate) tls.Certificate {
	ca.t.Helper()
	key := newKey(ca.t)
	leaf := ca.sign(template, ca.cert, key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (ca *CA) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	ca.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return cert
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newTemplate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}
