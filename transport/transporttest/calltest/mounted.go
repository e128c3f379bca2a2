// SPDX-License-Identifier: Apache-2.0

package calltest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// Handler takes connections out of an http.Server.
type Handler interface {
	http.Handler
	net.Listener
}

// Mounted tests a handler on a path of an http.Server, beside a page, with clients over
// the transport of c.
func Mounted(t *testing.T, c transporttest.Config, h Handler, path string) {
	mux := http.NewServeMux()
	mux.Handle(path, h)
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	web := httptest.NewServer(mux)
	defer web.Close()
	addr := web.Listener.Addr().String()

	w := &world{Config: c}
	echo := newEcho()
	s := w.start(t, echo, func(s *server.Server) error { return s.ServeListener(c.Network, h) })
	t.Run("client", func(t *testing.T) { callAll(t, w.open(t, addr), echo) })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+"/page", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // it has none
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("the page has status %d", resp.StatusCode)
	}
	s.shutDown(t)
	conn, err := c.Transport.Dial(t.Context(), c.Network, addr, transport.Settings{})
	if err == nil {
		_ = conn.Close() // it is one too many
	}
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("Dial after Shutdown: %v, want status 503", err)
	}
}
