// SPDX-License-Identifier: Apache-2.0

package httpconnect_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, setup)
}

// TestCallsR27 looks, among others, at whether a server over HTTP tells that it has
// started, which one of rpcx does not (R27).
func TestCallsR27(t *testing.T) {
	t.Parallel()
	calltest.Run(t, setup)
}

func TestMounted(t *testing.T) {
	t.Parallel()
	calltest.Mounted(t, setup(t), httpconnect.NewHandler(), httpconnect.DefaultPath)
}

func setup(*testing.T) transporttest.Config {
	return transporttest.Config{Transport: httpconnect.New(httpconnect.Config{}), Network: "http", Addr: "127.0.0.1:0", Greeting: true}
}

// listen returns a listener whose connections echo, until the test ends.
func listen(t *testing.T, c httpconnect.Config) string {
	t.Helper()
	l, err := httpconnect.New(c).Listen(t.Context(), "http", "127.0.0.1:0", transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	echo(t, l)
	return l.Addr().String()
}

func echo(t *testing.T, l net.Listener) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // the client tells what arrived
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestServerBytes sends requests as they may come, and wants rpcx's answers, byte for
// byte, and then what was sent behind the request.
func TestServerBytes(t *testing.T) {
	t.Parallel()
	addr := listen(t, httpconnect.Config{})
	const yes = "HTTP/1.0 200 Connected to rpcx\n\n"
	tests := []struct{ name, request, answer string }{
		{"as rpcx", "CONNECT /_rpcx_ HTTP/1.0\n\n", yes},
		{"crlf", "CONNECT /_rpcx_ HTTP/1.0\r\n\r\n", yes},
		{"http/1.1 with a host", "CONNECT /_rpcx_ HTTP/1.1\r\nHost: example\r\n\r\n", yes},
		{"http/1.1 without a host", "CONNECT /_rpcx_ HTTP/1.1\n\n", yes},
		{"fields", "CONNECT /_rpcx_ HTTP/1.0\nUser-Agent: x\nProxy-Connection: keep-alive\n\n", yes},
		{"wrong method", "GET /_rpcx_ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
		{"wrong path", "CONNECT /other HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found\r\n"},
		{"longer path", "CONNECT /_rpcx_/x HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found\r\n"},
		{"an authority", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"},
		{"not http", "\x08\x00\x00\x00 this is a frame\n\n", "HTTP/1.1 400 Bad Request\r\n"},
		{"http/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 404"},
	}
	for _, tt := range tests {
		for _, way := range []string{"in one piece", "glued"} {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				t.Parallel()
				conn := dial(t, addr)
				request := tt.request
				if way == "glued" {
					request += "frame"
				}
				if _, err := io.WriteString(conn, request); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(tt.answer))
				if n, err := io.ReadFull(conn, got); err != nil || string(got) != tt.answer {
					t.Fatalf("the server answered %q, %v, want %q", got[:n], err, tt.answer)
				}
				if tt.answer != yes {
					return
				}
				if way != "glued" {
					if _, err := io.WriteString(conn, "frame"); err != nil {
						t.Fatal(err)
					}
				}
				if n, err := io.ReadFull(conn, got[:5]); err != nil || string(got[:5]) != "frame" {
					t.Errorf("read %q, %v, want what was sent", got[:n], err)
				}
			})
		}
	}
}

func TestWrongMethodText(t *testing.T) {
	t.Parallel()
	resp, err := http.Get("http://" + listen(t, httpconnect.Config{Path: "/else"}) + "/else")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if string(body) != "405 must CONNECT\n" || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the server answered %q with %v", body, resp.Header)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestEndlessHead: a head that does not end is cut at its limit.
func TestEndlessHead(t *testing.T) {
	t.Parallel()
	conn := dial(t, listen(t, httpconnect.Config{}))
	line := "X: " + strings.Repeat("x", 1000) + "\n"
	if _, err := io.WriteString(conn, "CONNECT /_rpcx_ HTTP/1.0\n"); err != nil {
		t.Fatal(err)
	}
	var err error
	sent := 0
	for err == nil && sent < 64<<20 {
		_, err = io.WriteString(conn, line)
		sent += len(line)
	}
	if err == nil {
		t.Errorf("the server took a head of %d bytes", sent)
	}
}

// TestClientQ19Q20 has servers answer as they may, and sees what it asks them: nothing but
// the CONNECT before the answer, since servers of rpcx lose what comes along with it
// (Q19). What comes along with the answer is kept (Q20).
func TestClientQ19Q20(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		wrong        string // part of the error; "": none
	}{
		{"as rpcx", "HTTP/1.0 200 Connected to rpcx\n\n", ""},
		{"crlf, fields", "HTTP/1.1 200 Connected to rpcx\r\nServer: x\r\n\r\n", ""},
		{"another text", "HTTP/1.0 200 Connection established\r\n\r\n", "200 Connection established"},
		{"another status", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"},
		{"not http", "220 mail ESMTP\r\n\r\n", "not HTTP"},
		{"silence", "", "ends early"},
	}
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
				in := bufio.NewReader(conn)
				first, _ := in.ReadString('\n')
				second, _ := in.ReadString('\n')
				_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				early, _ := in.ReadByte() // nothing, which is the byte 0
				asked <- first + second + strings.Trim(string(early), "\x00")
				_, _ = io.WriteString(conn, tt.answer+"a push that comes at once") // the client tells what arrived
			}()
			if tt.answer == "" {
				go func() { <-asked; _ = l.Close() }()
			}
			conn, err := httpconnect.New(httpconnect.Config{}).Dial(t.Context(), "http", l.Addr().String()+"/behind", transport.Settings{})
			if tt.answer != "" {
				if got, want := <-asked, "CONNECT /behind/_rpcx_ HTTP/1.0\n\n"; got != want {
					t.Errorf("the client asked %q, want %q", got, want)
				}
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
			if _, ok := conn.(*net.TCPConn); !ok {
				t.Errorf("Dial returned a %T", conn)
			}
			if got, err := io.ReadAll(conn); err != nil || string(got) != "a push that comes at once" {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"x", "/a b", "/a\nb"} {
		tr := httpconnect.New(httpconnect.Config{Path: path})
		if l, err := tr.Listen(t.Context(), "http", "127.0.0.1:0", transport.Settings{}); err == nil {
			t.Errorf("Listen with path %q: no error", path)
			_ = l.Close()
		}
	}
	if _, err := httpconnect.New(httpconnect.Config{}).Dial(t.Context(), "http", "127.0.0.1:1/a\r\nb", transport.Settings{}); err == nil || !strings.Contains(err.Error(), "path") {
		t.Errorf("Dial with a bad path = %v", err)
	}
}

// TestHandlerWithoutConnection: HTTP/2 and recorders have no connection to take.
func TestHandlerWithoutConnection(t *testing.T) {
	t.Parallel()
	h := httpconnect.NewHandler()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodConnect, "/_rpcx_", nil))
	if w.Code != http.StatusNotImplemented {
		t.Errorf("status %d", w.Code)
	}
	_ = h.Close()
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest(http.MethodConnect, "/_rpcx_", nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d of a handler that is closed", w.Code)
	}
}
