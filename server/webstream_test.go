// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// A client of HTTP/2 that lets nothing be sent to it holds no handler, whoever wrote that.
func TestDeafStreamsAreCut(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithLimits(server.Limits{WriteTimeout: 100 * time.Millisecond})).arith()
	ended := make(chan error, 2)
	err := w.HandleHTTP("/", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		text := strings.Repeat("x", 100<<10)
		if r.Host == "s" {
			text = "short" // and written when this has returned
		}
		_, err := io.WriteString(rw, text)
		ended <- err
	}))
	if err != nil {
		t.Fatal(err)
	}
	nc := w.dialNet(t)
	get := func(stream byte, host string) string { // :method GET, :path /, :scheme http, :authority
		return "\x00\x00\x06\x01\x05\x00\x00\x00" + string(stream) + "\x82\x84\x86\x41\x01" + host
	}
	_, err = io.WriteString(nc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+
		"\x00\x00\x06\x04\x00\x00\x00\x00\x00"+"\x00\x04\x00\x00\x00\x00"+ // settings: a window of nothing
		get(1, "l")+get(3, "s"))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 2 {
		if wait(t, "the end of a handler", ended) != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d handlers were cut, want the one that wrote much", failed)
	}
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	reset := map[byte]bool{}
	for head := make([]byte, 9); len(reset) < 2; {
		if _, err := io.ReadFull(nc, head); err != nil {
			t.Fatalf("streams %v were reset, and then %v", reset, err)
		}
		if _, err := io.CopyN(io.Discard, nc, int64(head[1])<<8|int64(head[2])); err != nil {
			t.Fatal(err)
		}
		if head[3] == 3 { // RST_STREAM
			reset[head[8]] = true
		}
	}
}

// One that waits long between two writes is not cut.
func TestSlowStreamsAreNotCut(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithLimits(server.Limits{WriteTimeout: 200 * time.Millisecond}))
	err := w.HandleHTTP("/events", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(rw, "event\n")
			rw.(http.Flusher).Flush()
			<-time.After(300 * time.Millisecond)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	c := newHTTPClient(t)
	c.Transport.(*http.Transport).Protocols = new(http.Protocols)
	c.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	if res, got := w.do(t, c, "GET", "/events", ""); got != "event\nevent\nevent\n" || res.ProtoMajor != 2 {
		t.Errorf("%s: %q", res.Proto, got)
	}
}
