// SPDX-License-Identifier: Apache-2.0

package transporttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/rpcx-go/rpcx/transport"
)

// securityTests start from a client and a server that understand each other by TLS.
var securityTests = []struct { //nolint:gochecknoglobals // a table of constants
	name string
	test func(t *testing.T, r *rig, ca *CA)
}{
	{"Secured", testSecured},
	{"SettingsUntouched", testSettingsUntouched},
	{"OldVersion", testOldVersion},
	{"UnknownAuthority", testUnknownAuthority},
	{"WrongName", testWrongName},
	{"NoName", testNoName},
	{"NoClientCertificate", testNoClientCertificate},
	{"NoServerCertificate", testNoServerCertificate},
	{"PlainClient", testPlainClient},
	{"SilentServer", testSilentServer},
}

func testSecured(t *testing.T, r *rig, _ *CA) {
	for _, conn := range both(r.pair(t)) {
		if _, ok := conn.(*tls.Conn); !ok && !r.OwnTLS && !r.Greeting {
			t.Errorf("a %T, want *tls.Conn", conn)
			continue
		}
		secured, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
		if !ok {
			t.Errorf("a %T does not tell of its handshake", conn)
			continue
		}
		state := secured.ConnectionState()
		if !state.HandshakeComplete || state.Version < tls.VersionTLS12 {
			t.Errorf("handshake complete: %v, version %s", state.HandshakeComplete, tls.VersionName(state.Version))
		}
		if state.NegotiatedProtocol != "" && !r.OwnTLS {
			t.Errorf("protocol %q was negotiated, want none", state.NegotiatedProtocol)
		}
	}
}

func both(a, b net.Conn) []net.Conn { return []net.Conn{a, b} }

func testSettingsUntouched(t *testing.T, r *rig, ca *CA) {
	client, server := r.client.TLS, r.server.TLS
	client.MinVersion, server.MinVersion = 0, 0
	name := client.ServerName
	r.pair(t)
	for _, c := range []*tls.Config{client, server} {
		if c.MinVersion != 0 || c.NextProtos != nil || c.InsecureSkipVerify {
			t.Error("the settings that were handed in have changed")
		}
	}
	if client.ServerName != name {
		t.Errorf("the server's name in the settings is now %q, it was %q", client.ServerName, name)
	}
}

// testOldVersion has one side speak nothing after TLS 1.1, and the other go down as
// far as it may.
func testOldVersion(t *testing.T, r *rig, _ *CA) {
	r.client.TLS.MinVersion, r.server.TLS.MinVersion = tls.VersionTLS10, tls.VersionTLS10
	r.client.TLS.MaxVersion = tls.VersionTLS11
	r.wantRefused(t, nil)

	r.client.TLS.MaxVersion, r.server.TLS.MaxVersion = 0, tls.VersionTLS11
	r.wantRefused(t, nil)
}

func testUnknownAuthority(t *testing.T, r *rig, _ *CA) {
	r.server.TLS = NewCA(t).Server()
	r.wantRefused(t, func(err error) bool {
		var unknown x509.UnknownAuthorityError
		return errors.As(err, &unknown)
	})
}

func testWrongName(t *testing.T, r *rig, _ *CA) {
	r.client.TLS.ServerName = "elsewhere.example"
	r.wantRefused(t, func(err error) bool {
		var wrong x509.HostnameError
		return errors.As(err, &wrong)
	})
}

// testNoName leaves it to the address to name the server. What names none is refused
// rather than not verified.
func testNoName(t *testing.T, r *rig, _ *CA) {
	r.client.TLS.ServerName = ""
	if r.NoHost {
		r.wantRefused(t, nil)
		return
	}
	client, _ := r.pair(t)
	if got := client.(interface{ ConnectionState() tls.ConnectionState }).ConnectionState().VerifiedChains; len(got) == 0 {
		t.Error("the server was not verified")
	}
}

// testNoClientCertificate: by TLS 1.3 a client learns of it with its first read.
func testNoClientCertificate(t *testing.T, r *rig, ca *CA) {
	r.server.TLS = ca.MutualServer()
	l := r.listen(t)
	accepted := make(chan error, 1)
	go func() {
		conn, err := accept(l)
		if err == nil {
			_ = conn.Close()
		}
		accepted <- err
	}()
	conn, err := r.dial(t, l)
	if err == nil {
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the client's first read: %v, want the server's refusal", err)
		}
		_ = conn.Close()
	}
	if r.OwnTLS || r.Greeting {
		_ = l.Close() // which handed nothing to Accept
	}
	if err := <-accepted; err == nil {
		t.Error("the server took a client without a certificate")
	}
}

func testNoServerCertificate(t *testing.T, r *rig, _ *CA) {
	settings := transport.Settings{TLS: &tls.Config{}} //nolint:gosec // the transport sets the version
	if l, err := r.Transport.Listen(t.Context(), r.Network, r.Addr, settings); err == nil {
		t.Error("Listen with TLS settings without a certificate: no error")
		_ = l.Close()
	}
	r.listen(t) // the address is free
}

func testPlainClient(t *testing.T, r *rig, _ *CA) {
	if r.OwnTLS {
		t.Skip("the transport is never plain")
	}
	l := r.listen(t)
	accepted := make(chan error, 1)
	go func() {
		conn, err := accept(l)
		if err == nil {
			_ = conn.Close()
		}
		accepted <- err
	}()
	r.client.TLS = nil
	conn, err := r.dial(t, l)
	if r.Greeting {
		_ = l.Close() // which handed nothing to Accept
		if err == nil {
			t.Error("Dial: no error")
			_ = conn.Close()
		}
		if err := <-accepted; err == nil {
			t.Error("the server took a client that speaks plain")
		}
		return
	}
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "this is no handshake, whatever its length may be"); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if err := <-accepted; err == nil {
		t.Error("the server took a client that speaks plain")
	}
}

// testSilentServer dials a server that takes the connection and says nothing, and
// gives up.
func testSilentServer(t *testing.T, r *rig, _ *CA) {
	if r.OwnTLS {
		t.Skip("the transport is never plain")
	}
	r.server.TLS = nil
	l := r.listenSilently(t)
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Errorf("Accept: %v", err)
		}
		cancel()
		held <- conn
	}()
	conn, err := r.Transport.Dial(ctx, r.Network, l.Addr().String(), r.client)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Dial = %v, %v, want context.Canceled", conn, err)
	}
	server := <-held
	defer server.Close()
	if _, err := io.Copy(io.Discard, server); err != nil {
		t.Errorf("the connection was not closed: %v", err)
	}
}

// wantRefused dials and wants an error, one for which is holds unless that is nil.
func (r *rig) wantRefused(t *testing.T, is func(error) bool) {
	t.Helper()
	l := r.listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := accept(l); err == nil {
			_ = conn.Close()
		}
	}()
	conn, err := r.dial(t, l)
	if err == nil {
		t.Error("Dial: no error")
		_ = conn.Close()
	} else if is != nil && !is(err) {
		t.Errorf("Dial: error of another kind: %v", err)
	}
	_ = l.Close() // ends accept where the client did not come as far
	<-done
}

// listenSilently returns a listener that says nothing by itself.
func (r *rig) listenSilently(t *testing.T) net.Listener {
	t.Helper()
	if !r.Greeting {
		return r.listen(t)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // nothing was accepted but by the test
	return l
}
