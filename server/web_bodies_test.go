// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// The bodies of all requests over HTTP are bounded together, whatever the form of call, and
// so is what those in gzip become.
func TestHTTPBodies(t *testing.T) {
	t.Parallel()
	const most = 16 << 10
	b := newBlocker()
	events := newGuardian()
	w := onTCP(t,
		server.WithLimits(server.Limits{Limits: protocol.Limits{Payload: most}, HTTPBodies: most + most/2}),
		server.WithObserver(events),
	).arith().handle("Wait", b.handle)
	// Of connections of their own, as a stranger would.
	post := func(path, body string, headers ...string) (webReply, string) {
		return w.do(t, newHTTPClient(t), "POST", path, body, append(headers, "Content-Type", "application/json")...)
	}
	large := `{"A":6,"B":7}` + strings.Repeat(" ", most-100)
	rpc := `{"jsonrpc":"2.0","id":1,"method":"Arith.Mul","params":{"A":6,"B":7}}` + strings.Repeat(" ", most-100)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(rpc))
	_ = z.Close()

	held := make(chan string, 1)
	go func() {
		_, body := post("/S/Wait", large)
		held <- body
	}()
	wait(t, "the handler", b.began)
	for name, ask := range map[string]func() (webReply, string){
		"plain":    func() (webReply, string) { return post("/Arith/Mul", large) },
		"JSON-RPC": func() (webReply, string) { return post("/", rpc) },
		"gzip":     func() (webReply, string) { return post("/", packed.String(), "Content-Encoding", "gzip") },
		"headers": func() (webReply, string) {
			return post("/", large, "X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Mul")
		},
	} {
		if r, body := ask(); r.StatusCode != 429 || r.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %.80s, want 429 and a wish for a pause of 1 s", name, r.StatusCode, body)
		}
		e := events.event()
		if e.Kind != rpcx.CallRefused || !errors.Is(e.Err, rpcx.ResourceExhausted) || e.Peer.Addr == nil {
			t.Errorf("%s: the observer was told %+v", name, e)
		}
	}
	if got := w.Stats().RefusedCalls; got != 4 {
		t.Errorf("%d calls are counted as refused, want 4", got)
	}
	if r, body := post("/Arith/Mul", `{"A":6,"B":7}`); body != `{"C":42}` {
		t.Errorf("a small one: %d %s", r.StatusCode, body)
	}
	b.release <- struct{}{}
	if body := wait(t, "the answer", held); body != `{"C":42}` {
		t.Errorf("the first is answered with %s", body)
	}
	if r, body := post("/", packed.String(), "Content-Encoding", "gzip"); r.StatusCode != 200 || !strings.Contains(body, "42") {
		t.Errorf("when there is room again: %d %s", r.StatusCode, body)
	}
}
