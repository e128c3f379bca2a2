// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

const unheard = "nothing was ever received on this connection"

// A client without TLS at a port with TLS is told what may be wrong.
func TestHintAtAPortWithTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewUnstartedServer(nil) // has a certificate
	web.StartTLS()
	defer web.Close()
	s := server.NewServer(server.WithLogger(quiet()), server.WithTLSConfig(&tls.Config{Certificates: web.TLS.Certificates}))
	c, err := client.Dial(t.Context(), "tcp", startTCP(t, s), client.Option{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	err = c.Call(t.Context(), "S", "M", []byte("x"), new([]byte))
	if rpcx.CodeOf(err) != rpcx.Unavailable {
		t.Errorf("error %v", err)
	}
	await(t, c.Done(), "the end of the connection")
	if err := c.Err(); !strings.Contains(err.Error(), unheard) || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("error %v, want a hint", err)
	}
}

// A server that has spoken speaks the right protocol: its end needs no guesses.
func TestNoHintForAServerThatHasSpoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "ok crash")
		x := f.client(client.Failfast, client.Option{})
		if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
			t.Fatal(err)
		}
		err := x.Call(t.Context(), "M", []byte("y"), new([]byte))
		wantError(t, err, rpcx.Unavailable, false)
		if strings.Contains(err.Error(), unheard) {
			t.Errorf("error %v", err)
		}
	})
}
