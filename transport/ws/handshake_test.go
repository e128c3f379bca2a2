// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/transport"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// TestAcceptance has the example of RFC 6455 section 1.3.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	if got := acceptance(sampleKey); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("acceptance = %q", got)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	set := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Del(pairs[i])
				if pairs[i+1] != "" {
					r.Header.Set(pairs[i], pairs[i+1])
				}
			}
		}
	}
	tests := []struct {
		name   string
		change func(*http.Request)
		status int // 0: it is accepted
	}{
		{"good", set(), 0},
		{"lists and other letters", set("Connection", "keep-alive, UPGRADE", "Upgrade", "h2c, WebSocket"), 0},
		{"offers", set("Sec-WebSocket-Extensions", "permessage-deflate", "Sec-WebSocket-Protocol", "x"), 0},
		{"no browser", set("Origin", ""), 0},
		{"another port", set("Origin", "http://example.com:81"), 403},
		{"tls in front of us", set("Origin", "https://EXAMPLE.com"), 0},
		{"another site", set("Origin", "https://evil.example"), 403},
		{"a site within", set("Origin", "https://example.com.evil.example"), 403},
		{"a file", set("Origin", "null"), 403},
		{"not a url", set("Origin", "::"), 403},
		{"an allowed site", set("Origin", "https://APP.example"), 0},
		{"an allowed site by another scheme", set("Origin", "http://app.example"), 403},
		{"two origins", func(r *http.Request) { r.Header.Add("Origin", "https://app.example") }, 403},
		{"post", func(r *http.Request) { r.Method = http.MethodPost }, 405},
		{"http/1.0", func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 1, 0 }, 426},
		{"no upgrade", set("Upgrade", ""), 426},
		{"another upgrade", set("Upgrade", "h2c"), 426},
		{"no connection", set("Connection", "keep-alive"), 426},
		{"old version", set("Sec-WebSocket-Version", "8"), 426},
		{"no version", set("Sec-WebSocket-Version", ""), 426},
		{"no key", set("Sec-WebSocket-Key", ""), 400},
		{"short key", set("Sec-WebSocket-Key", "YWJj"), 400},
		{"not base64", set("Sec-WebSocket-Key", "!!"), 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "http://example.com/_rpcx_", nil)
			set("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
				"Sec-WebSocket-Key", sampleKey, "Origin", "http://example.com")(r)
			tt.change(r)
			h := NewHandler(Config{Origins: []string{"https://App.example:443/"}})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want := tt.status
			if want == 0 {
				want = http.StatusNotImplemented // a recorder has no connection to take
			}
			if w.Code != want {
				t.Errorf("status %d: %s, want %d", w.Code, w.Body, want)
			}
			if w.Code == http.StatusUpgradeRequired && w.Header().Get("Sec-WebSocket-Version") != "13" {
				t.Error("the answer does not tell the version")
			}
		})
	}
	if !(Config{Origins: []string{"*"}}).allowed([]string{"https://evil.example"}, "example.com") {
		t.Error("* does not allow every site")
	}
	known := NewHandler(Config{Hosts: []string{"example.com"}})
	for host, want := range map[string]int{"example.com": 501, "127.0.0.1:80": 501, "evil.example": 421} { // 501: as above
		r := httptest.NewRequest(http.MethodGet, "http://"+host+"/_rpcx_", nil)
		set("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
			"Sec-WebSocket-Key", sampleKey, "Origin", "http://"+host)(r)
		w := httptest.NewRecorder()
		known.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %s: status %d: %s, want %d", host, w.Code, w.Body, want)
		}
	}
	h := NewHandler(Config{})
	_ = h.Close()
}

// TestClient has servers answer as they may, and sees what it asks them.
// TestClientQ21: every request names an Origin, without which real servers refuse it.
func TestClientQ21(t *testing.T) {
	t.Parallel()
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n"
	tests := []struct {
		name, answer string
		wrong        string // part of the error; "": none
	}{
		{"as rpcx", good + "\r\n", ""},
		{"lf and other letters", "HTTP/1.1 101 ok\nupgrade: WebSocket\nconnection: x, upgrade\nsec-websocket-accept: ACCEPT\n\n", ""},
		{"refused", "HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"},
		{"a page", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK"},
		{"another protocol", strings.Replace(good, "websocket", "h2c", 1) + "\r\n", "another protocol"},
		{"wrong key", strings.Replace(good, "ACCEPT", "x", 1) + "\r\n", "key"},
		{"an extension", good + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "nobody offered"},
		{"not http", "220 mail ESMTP\r\n\r\n", "not HTTP"},
	}
	form := regexp.MustCompile(`^GET /app/_rpcx_ HTTP/1\.1\r\nHost: (127\.0\.0\.1:\d+)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
		`Sec-WebSocket-Key: ([A-Za-z0-9+/]{22}==)\r\nOrigin: http://127\.0\.0\.1:\d+\r\nSec-WebSocket-Version: 13\r\n\r\n$`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			asked := make(chan string, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				in, request := bufio.NewReader(conn), ""
				for !strings.HasSuffix(request, "\r\n\r\n") {
					line, err := in.ReadString('\n')
					if err != nil {
						break
					}
					request += line
				}
				asked <- request
				answer := tt.answer
				if m := form.FindStringSubmatch(request); m != nil {
					answer = strings.Replace(answer, "ACCEPT", acceptance(m[2]), 1)
				}
				_, _ = io.WriteString(conn, answer+"\x82\x04push\x88\x00") // the client tells what arrived
			}()
			conn, err := New(Config{}).Dial(t.Context(), "ws", l.Addr().String()+"/app", transport.Settings{})
			if request := <-asked; !form.MatchString(request) {
				t.Errorf("the client asked %q", request)
			}
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("Dial = %v, want an error with %q", err, tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got, err := io.ReadAll(conn); err != nil || string(got) != "push" {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	bad := New(Config{Path: "x"})
	if _, err := bad.Listen(t.Context(), "ws", "127.0.0.1:0", transport.Settings{}); err == nil || !strings.Contains(err.Error(), "path") {
		t.Errorf("Listen with a bad path = %v", err)
	}
	if _, err := New(Config{}).Dial(t.Context(), "ws", "127.0.0.1:1/a\r\nb", transport.Settings{}); err == nil || !strings.Contains(err.Error(), "path") {
		t.Errorf("Dial with a bad path = %v", err)
	}
	if _, err := New(Config{Hosts: []string{"http://h"}}).Listen(t.Context(), "ws", "127.0.0.1:0", transport.Settings{}); err == nil || !strings.Contains(err.Error(), "host") {
		t.Errorf("Listen with a bad host = %v", err)
	}
	if _, err := New(Config{}).Listen(t.Context(), "wss", "127.0.0.1:0", transport.Settings{}); err == nil || !strings.Contains(err.Error(), "tls") {
		t.Errorf("Listen on wss without TLS = %v", err)
	}
}
