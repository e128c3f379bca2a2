// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// Over TLS there is HTTP/2, the caller's certificate for Identify, and pages under any
// name, which nobody else has a certificate for.
func TestTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{
		Identify: func(r *http.Request) (rpcx.Metadata, error) {
			if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
				return rpcx.Metadata{}, errors.New("who?")
			}
			return rpcx.Pairs("certified", "yes"), nil
		},
		Reserved: []string{"certified"},
	})
	err := w.proxy.HandleHTTP("GET /page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }))
	if err != nil {
		t.Fatal(err)
	}
	ca := transporttest.NewCA(t)
	config := ca.MutualServer().Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.proxy.Serve(tls.NewListener(ln, config)) }()
	defer func() { _ = w.proxy.Close(); <-served }()

	for _, version := range []int{1, 2} {
		tr := &http.Transport{TLSClientConfig: ca.MutualClient().Clone(), Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(version == 1)
		tr.Protocols.SetHTTP2(version == 2)
		defer tr.CloseIdleConnections()
		do := func(method, path string, headers ...string) answer {
			r, err := http.NewRequestWithContext(t.Context(), method, "https://"+ln.Addr().String()+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "gw.example.com"
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			res, err := tr.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.ProtoMajor != version {
				t.Errorf("protocol %s, want version %d", res.Proto, version)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return answer{res.StatusCode, res.Header, string(body)}
		}
		const kind = "Content-Type"
		do("POST", "/S/Note", kind, "application/json").want(t, 200, "{}")
		if got := receive(t, w.calls, "the call").Meta["certified"]; got != "yes" {
			t.Errorf("metadata %q", got)
		}
		do("POST", "/S/Note", kind, "application/json", "Origin", "https://gw.example.com").want(t, 200, "{}")
		do("POST", "/S/Note", kind, "application/json", "Origin", "http://gw.example.com").want(t, 403, "")
		do("GET", "/page").want(t, 200, "a page")
	}
	w.post("/S/Note", "").want(t, 401, "who?")
}
