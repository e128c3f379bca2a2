// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// A client that goes silent in the middle of a body is cut in time, whether or not
// anybody reads that body.
func TestSilentBodiesAreCut(t *testing.T) {
	t.Parallel()
	limits := server.Limits{Limits: protocol.Limits{Stall: 50 * time.Millisecond}, WriteTimeout: 100 * time.Millisecond, IdleTimeout: 500 * time.Millisecond}
	const rest = "Host: h\r\nContent-Length: 100\r\n"
	for name, send := range map[string]string{
		"wrong content type":    "POST /Arith/Mul HTTP/1.1\r\nContent-Type: text/plain\r\n" + rest + "\r\n",
		"no such page":          "GET /nothing HTTP/1.1\r\n" + rest + "\r\n",
		"foreign page":          "POST /Arith/Mul HTTP/1.1\r\nOrigin: https://evil.example\r\nContent-Type: application/json\r\n" + rest + "\r\n",
		"options of everything": "OPTIONS * HTTP/1.1\r\n" + rest + "\r\n",
		"expectation":           "POST /Arith/Mul HTTP/1.1\r\nExpect: miracles\r\n" + rest + "\r\n",
		"chunks":                "POST /Arith/Mul HTTP/1.1\r\nContent-Type: text/plain\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"handler of the user's": "POST /page HTTP/1.1\r\n" + rest + "\r\n",
		"handler that reads":    "POST /sink HTTP/1.1\r\n" + rest + "\r\n",
		"call":                  "POST /Arith/Mul HTTP/1.1\r\nContent-Type: application/json\r\n" + rest + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t, server.WithLimits(limits)).arith()
			for path, h := range map[string]http.HandlerFunc{
				"/page": func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, strings.Repeat("x", 8<<10)) },
				"/sink": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			} {
				if err := w.HandleHTTP(path, h); err != nil {
					t.Fatal(err)
				}
			}
			nc := w.dialNet(t)
			if _, err := io.WriteString(nc, send); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(nc)
			if err != nil {
				t.Errorf("after %q: %v", got, err)
			}
		})
	}
}

// One that sends just enough to be there is cut as well.
func TestDrippingBodyIsCut(t *testing.T) {
	t.Parallel()
	limits := server.Limits{Limits: protocol.Limits{Stall: 100 * time.Millisecond}}
	w := onTCP(t, server.WithLimits(limits)).arith()
	nc := w.dialNet(t)
	if _, err := io.WriteString(nc, "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(nc).ReadString('\n')
		answered <- err
	}()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range 100 {
		select {
		case <-answered:
			return
		case <-ticker.C:
			_, _ = io.WriteString(nc, " ")
		}
	}
	t.Error("a body of a byte in 20 ms is still waited for after 2 s")
}

// A client that never reads is cut, whatever its requests are answered with.
func TestDeafClientsAreCut(t *testing.T) {
	t.Parallel()
	limits := server.Limits{WriteTimeout: 100 * time.Millisecond, IdleTimeout: time.Second}
	long := strings.Repeat("x", 8<<10) // is in the answer, so that a few of them fill what lies between
	for name, request := range map[string]string{
		"errors":                "GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n",
		"refusals":              "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nOrigin: https://" + long + "\r\n\r\n",
		"handler of the user's": "GET /page HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t, server.WithLimits(limits)).arith()
			page := func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, strings.Repeat("x", 64<<10)) }
			if err := w.HandleHTTP("/page", http.HandlerFunc(page)); err != nil {
				t.Fatal(err)
			}
			nc := w.dialNet(t)
			many := strings.Repeat(request, 100)
			_ = nc.SetWriteDeadline(time.Now().Add(patience))
			var err error
			for err == nil {
				_, err = io.WriteString(nc, many)
			}
			eventually(t, "the connection is gone", func() bool { return w.Stats().Conns == 0 })
			if strings.Contains(err.Error(), "timeout") {
				t.Errorf("the client was not cut: %v", err)
			}
		})
	}
}

// A client that waits for permission to send its body gets the answer without it.
func TestRefusedWithoutBody(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	for name, head := range map[string]string{
		"wrong content type": "POST /Arith/Mul HTTP/1.1\r\nContent-Type: text/plain\r\n",
		"foreign page":       "POST /Arith/Mul HTTP/1.1\r\nContent-Type: application/json\r\nOrigin: https://evil.example\r\n",
		"JSON-RPC, encoded":  "POST / HTTP/1.1\r\nContent-Type: application/json-rpc\r\nContent-Encoding: br\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := w.dialNet(t)
			if _, err := io.WriteString(nc, head+"Host: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetReadDeadline(time.Now().Add(patience))
			line, err := bufio.NewReader(nc).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "HTTP/1.1 4") {
				t.Errorf("answered %q, %v", line, err)
			}
		})
	}
}

// The same holds in an http.Server of the user's, which has no limits of its own.
func TestHTTPHandlerElsewhereCutsSilentBodies(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithLimits(server.Limits{Limits: protocol.Limits{Stall: 50 * time.Millisecond}})).arith()
	elsewhere := httptest.NewServer(w.HTTPHandler())
	defer elsewhere.Close()
	for name, kind := range map[string]string{"read": "application/json", "not read": "text/plain"} {
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", elsewhere.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nContent-Type: "+kind+"\r\n\r\n{")
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		if got, err := io.ReadAll(nc); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 4") {
			t.Errorf("%s: answered %q, %v", name, got, err)
		}
	}
}

// Neither a handler that takes its time, nor one that reads slowly, nor the pause between
// two requests is held against the client.
func TestSlowHandlersAreNotCut(t *testing.T) {
	t.Parallel()
	limits := server.Limits{Limits: protocol.Limits{Stall: 400 * time.Millisecond}, WriteTimeout: 400 * time.Millisecond}
	for name, idle := range map[string]time.Duration{"idle timeout": 0, "none": server.NoLimit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := limits
			limits.IdleTimeout = idle
			w := onTCP(t, server.WithLimits(limits))
			w.handle("Think", func(ctx context.Context, a *Args, r *Reply) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(600 * time.Millisecond):
					r.C = a.A
					return nil
				}
			})
			err := w.HandleHTTP("/slow", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				b := make([]byte, 16<<10)
				var n int
				for {
					k, err := r.Body.Read(b)
					n += k
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						n = -1
						break
					}
					if n < 100<<10 {
						<-time.After(100 * time.Millisecond)
					}
				}
				fmt.Fprint(rw, n)
			}))
			if err != nil {
				t.Fatal(err)
			}
			c := newHTTPClient(t)
			for range 2 {
				if _, got := w.do(t, c, "POST", "/S/Think", `{"A":7}`, "Content-Type", jsonType); got != `{"C":7}` {
					t.Errorf("answered %q", got)
				}
				if _, got := w.do(t, c, "POST", "/slow", strings.Repeat("x", 300<<10)); got != fmt.Sprint(300<<10) {
					t.Errorf("read %s bytes", got)
				}
				<-time.After(600 * time.Millisecond) // more than all limits
			}
			if n := w.Stats().Conns; n != 1 {
				t.Errorf("%d connections, want one that lived on", n)
			}
		})
	}
}
