// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/mem"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// FuzzPort sends anything at all to a port that speaks everything: frames, HTTP/1 and 2,
// JSON-RPC, HTTP CONNECT and WebSocket. Whatever it is, the server answers or does not,
// closes the connection when the client is through, and nothing stays behind.
func FuzzPort(f *testing.F) {
	for _, s := range portSeeds(f) {
		f.Add([]byte(s), uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, sent []byte, cut uint16) {
		before := runtime.NumGoroutine()
		p := openPort(t)
		nc := p.dial(t)
		answered := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, nc)
			answered <- err
		}()
		at := min(int(cut), len(sent))
		for _, part := range [][]byte{sent[:at], sent[at:]} {
			_, _ = nc.Write(part) // the server may have closed the connection
		}
		_ = nc.(interface{ CloseWrite() error }).CloseWrite() // as above
		if err := <-answered; errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the connection is still open %v after its client was through", patience)
		}
		_ = nc.Close()
		if p.Stats().Panics > 0 {
			t.Error("something panicked")
		}
		p.close(t)
		look := time.NewTicker(100 * time.Microsecond)
		defer look.Stop()
		for end := time.Now().Add(patience); runtime.NumGoroutine() > before; <-look.C {
			if time.Now().After(end) {
				_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1) // which of them
				t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
			}
		}
	})
}

// port is a server in memory whose port takes everything.
type port struct {
	*server.Server
	memory *mem.Transport
	ended  chan error
	count  int
}

func openPort(t testing.TB) *port {
	t.Helper()
	limits := server.Limits{Limits: protocol.Limits{Frame: 64 << 10}}
	p := &port{Server: server.NewServer(server.WithLimits(limits), server.WithLogger(slog.New(slog.DiscardHandler))), memory: mem.New(), ended: make(chan error, 3)}
	if err := p.RegisterName("Arith", Arith{}, ""); err != nil {
		t.Fatal(err)
	}
	tunnel, socket := httpconnect.NewHandler(), ws.NewHandler(ws.Config{})
	for pattern, h := range map[string]http.Handler{"CONNECT /_rpcx_": tunnel, "GET /_rpcx_": socket} {
		if err := p.HandleHTTP(pattern, h); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := p.memory.Listen(t.Context(), "mem", "port", transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for network, ln := range map[string]net.Listener{"tcp": ln, "http": tunnel, "ws": socket} {
		p.count++
		go func() { p.ended <- p.ServeListener(network, ln) }()
	}
	return p
}

func (p *port) dial(t testing.TB) net.Conn {
	t.Helper()
	nc, err := p.memory.Dial(t.Context(), "mem", "port", transport.Settings{})
	if err == nil {
		err = nc.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

func (p *port) close(t testing.TB) {
	t.Helper()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for range p.count {
		<-p.ended
	}
}

// portSeeds returns what clients of rpcx have sent, and some of what they would not.
func portSeeds(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile("../protocol/testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file struct {
		Frames, Malformed []struct{ Hex string }
		HTTP              []struct {
			Text string `json:"request_text"`
			Hex  string `json:"request_hex"`
		}
		Transcripts []struct {
			Steps []struct{ From, Hex string }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	var seeds []string
	add := func(asHex string) {
		b, err := hex.DecodeString(asHex)
		if err != nil {
			tb.Fatal(err)
		}
		if len(b) > 0 && len(b) < 4<<10 {
			seeds = append(seeds, string(b))
		}
	}
	for _, v := range append(file.Frames, file.Malformed...) {
		add(v.Hex)
	}
	for _, v := range file.HTTP {
		add(v.Hex + hex.EncodeToString([]byte(v.Text)))
	}
	for _, v := range file.Transcripts {
		all := ""
		for _, s := range v.Steps {
			if s.From == "client" {
				all += s.Hex
			}
		}
		add(all)
	}
	const plain = "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	body := `{"A":6,"B":7}`
	return append(seeds,
		plain+"Content-Length: 13\r\n\r\n"+body+plain+"Content-Length: 13\r\nConnection: close\r\n\r\n"+body,
		plain+"Transfer-Encoding: chunked\r\n\r\nd\r\n"+body+"\r\n0\r\n\r\n",
		plain+"Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"+body,
		plain+"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
		"POST / HTTP/1.1\r\nHost: h\r\nX-JSONRPC-2.0: true\r\nContent-Length: 5\r\n\r\n[[{}]",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x01\x04\x00\x00\x00\x01\x82\x86\x84\x41",
		"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n"+strings.Repeat("GET /x HTTP/1.1\r\nHost: h\r\n\r\n", 3),
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x08", "G", "")
}
