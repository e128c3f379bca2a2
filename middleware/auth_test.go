// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// as returns a function for AuthConfig.Identify for which the token is the identity.
func as(_ context.Context, token string) (string, error) { return token, nil }

func TestAuthPolicy(t *testing.T) {
	t.Parallel()
	allow := map[string][]string{
		"Health":        {middleware.Everyone},
		"Arith":         {middleware.Identified},
		"Arith.Fail":    {"ada", "bob"},
		"Admin.Restart": {"ada"},
		"Admin.*":       {},
	}
	tests := []struct {
		name                 string
		allow                map[string][]string
		who, service, method string
		want                 rpcx.Code
	}{
		{"everyone, unknown", allow, "", "Health", "Check", 0},
		{"everyone, known", allow, "eve", "Health", "Check", 0},
		{"identified, known", allow, "eve", "Arith", "Mul", 0},
		{"identified, unknown", allow, "", "Arith", "Mul", rpcx.Unauthenticated},
		{"named", allow, "bob", "Arith", "Fail", 0},
		{"not named, though the service is open", allow, "eve", "Arith", "Fail", rpcx.PermissionDenied},
		{"named on the best line", allow, "ada", "Admin", "Restart", 0},
		{"nobody", allow, "ada", "Admin", "Stop", rpcx.PermissionDenied},
		{"no line, known", allow, "ada", "Other", "Do", rpcx.PermissionDenied},
		{"no line, unknown", allow, "", "Other", "Do", rpcx.Unauthenticated},
		{"default, known", nil, "eve", "Other", "Do", 0},
		{"default, unknown", nil, "", "Other", "Do", rpcx.Unauthenticated},
		{"empty policy", map[string][]string{}, "ada", "Arith", "Mul", rpcx.PermissionDenied},
		{"a default for the rest", map[string][]string{"*": {"ada"}}, "ada", "Arith", "Mul", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log lines
			auth := middleware.Auth(middleware.AuthConfig{Identify: as, Allow: tt.allow, Logger: log.logger()})
			err := auth(t.Context(), tt.service, tt.method, tt.who)
			if got := rpcx.CodeOf(err); got != tt.want {
				t.Errorf("%q calls %s.%s: %v, want code %v", tt.who, tt.service, tt.method, err, tt.want)
			}
			if logged := len(log.take(t)) == 1; logged != (tt.want != 0) {
				t.Errorf("logged: %v", logged)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	identify := middleware.Tokens(map[string]string{"s3cret": "ada", "t0ken": "bob", "": "nobody"})
	tests := []struct {
		token, want string
		code        rpcx.Code
	}{
		{"s3cret", "ada", 0},
		{"bearer s3cret", "ada", 0},
		{"Bearer t0ken", "bob", 0},
		{"", "", 0},
		{"s3cre", "", rpcx.Unauthenticated},
		{"s3cret ", "", rpcx.Unauthenticated},
		{"bearer ", "", rpcx.Unauthenticated},
		{"basic s3cret", "", rpcx.Unauthenticated},
	}
	for _, tt := range tests {
		t.Run(tt.token, func(t *testing.T) {
			t.Parallel()
			got, err := identify(t.Context(), tt.token)
			if got != tt.want || rpcx.CodeOf(err) != tt.code {
				t.Errorf("%q is %q, %v", tt.token, got, err)
			}
		})
	}
}

func TestAuthByTokenOverTheWire(t *testing.T) {
	t.Parallel()
	arith := new(Arith)
	x := rpctest.Serve(t, "Arith", arith,
		server.WithInterceptor(middleware.Alias(map[string]string{"Public.Mul": "Arith.Mul"})),
		server.WithAuth(middleware.Auth(middleware.AuthConfig{
			Identify: middleware.Tokens(map[string]string{"s3cret": "ada"}),
			Allow:    map[string][]string{"Public": {middleware.Everyone}, "Arith.Mul": {"ada"}},
			Logger:   quiet(),
		})))
	call := func(method string) error { return x.Call(t.Context(), method, &Args{6, 7}, new(Reply)) }
	wantRefused(t, call("Mul"), rpcx.Unauthenticated)
	x.Auth("wrong")
	wantRefused(t, call("Mul"), rpcx.Unauthenticated)
	x.Auth("bearer s3cret")
	if err := call("Mul"); err != nil {
		t.Error(err)
	}
	wantRefused(t, call("Fail"), rpcx.PermissionDenied)
	wantRefused(t, call("Missing"), rpcx.PermissionDenied) // who may not ask does not learn what there is
	if got := arith.runs(); got != 1 {
		t.Errorf("%d calls ran", got)
	}
}

// An error of Identify's own is what the caller gets.
func TestAuthIdentifyFails(t *testing.T) {
	t.Parallel()
	x := rpctest.Serve(t, "Arith", new(Arith), server.WithAuth(middleware.Auth(middleware.AuthConfig{
		Identify: func(_ context.Context, token string) (string, error) {
			if token == "later" {
				return "", rpcx.Errorf(rpcx.Unavailable, "the directory is down")
			}
			return "", errors.New("expired")
		},
		Logger: quiet(),
	})))
	call := func() error { return x.Call(t.Context(), "Mul", &Args{6, 7}, new(Reply)) }
	if e := wantRefused(t, call(), rpcx.Unauthenticated); e.Error() != "expired" {
		t.Errorf("error %v", e)
	}
	x.Auth("later")
	wantRefused(t, call(), rpcx.Unavailable)
}

// authority issues certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert = &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	c := a.issue(a.cert)
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

// issue signs a certificate, the authority's own with its own key.
func (a *authority) issue(template *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestAuthByCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	seen := make(chan string, 1)
	s := server.NewServer(
		server.WithTLSConfig(&tls.Config{
			Certificates: []tls.Certificate{ca.issue(&x509.Certificate{DNSNames: []string{"localhost"}})},
			ClientAuth:   tls.VerifyClientCertIfGiven,
			ClientCAs:    ca.pool,
		}),
		server.WithAuth(middleware.Auth(middleware.AuthConfig{
			Allow:  map[string][]string{"Arith.Mul": {"spiffe://test/ada", "bob.test", "carol"}},
			Logger: quiet(),
		})),
		server.WithInterceptor(rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
			return func(ctx context.Context, c *rpcx.Call) error {
				who := middleware.PeerCertificate(ctx, c)
				if got, ok := middleware.Identity(ctx); !ok || got != who {
					t.Errorf("Identity: %q, %v; the certificate is %q's", got, ok, who)
				}
				seen <- who
				return next(ctx, c)
			}
		}}))
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "localhost:0") }()
	<-s.Started()
	defer func() {
		s.Close()
		<-served
	}()

	spiffe, err := url.Parse("spiffe://test/ada")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		cert *x509.Certificate // nil: none
		want string            // "": refused
		code rpcx.Code
	}{
		{"URI", &x509.Certificate{URIs: []*url.URL{spiffe}, DNSNames: []string{"other"}}, "spiffe://test/ada", 0},
		{"DNS name", &x509.Certificate{DNSNames: []string{"bob.test"}, Subject: pkix.Name{CommonName: "other"}}, "bob.test", 0},
		{"common name", &x509.Certificate{Subject: pkix.Name{CommonName: "carol"}}, "carol", 0},
		{"somebody else", &x509.Certificate{Subject: pkix.Name{CommonName: "eve"}}, "", rpcx.PermissionDenied},
		{"none", nil, "", rpcx.Unauthenticated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := &tls.Config{RootCAs: ca.pool, ServerName: "localhost"}
			if tt.cert != nil {
				tt.cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
				config.Certificates = []tls.Certificate{ca.issue(tt.cert)}
			}
			d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
			x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{TLSConfig: config, ConnectTimeout: patience})
			defer x.Close()
			err := x.Call(t.Context(), "Mul", &Args{6, 7}, new(Reply))
			if tt.want == "" {
				wantRefused(t, err, tt.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := <-seen; got != tt.want {
				t.Errorf("identity %q, want %q", got, tt.want)
			}
		})
	}
}
