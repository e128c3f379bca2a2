// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/internal/peerip"
	"github.com/rpcx-go/rpcx/transport"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func anywhere() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

func TestQueue(t *testing.T) {
	t.Parallel()
	q := NewQueue(anywhere())
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() {
		if !q.Deliver(a, time.Minute) {
			t.Error("Deliver = false, and somebody accepts")
		}
	}()
	if got, err := q.Accept(); got != a || err != nil {
		t.Errorf("Accept = %v, %v", got, err)
	}
	if q.IsClosed() {
		t.Error("the queue says that it is closed")
	}
	for range 2 {
		if err := q.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if _, err := q.Accept(); !errors.Is(err, net.ErrClosed) || !q.IsClosed() {
		t.Errorf("Accept after Close = %v, want net.ErrClosed", err)
	}
	if q.Deliver(a, time.Minute) {
		t.Error("Deliver after Close = true")
	}
}

func TestQueueDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(anywhere())
		start := time.Now()
		set := func(after time.Duration) {
			if err := q.SetDeadline(start.Add(after)); err != nil {
				t.Errorf("SetDeadline = %v", err)
			}
		}
		set(time.Hour)
		time.AfterFunc(time.Second, func() { set(3 * time.Second) }) // while somebody waits
		_, err := q.Accept()
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("Accept = %v, want a time-out", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("Accept took %v, want 3s", took)
		}
		if q.Deliver(nil, time.Second) || time.Since(start) != 4*time.Second {
			t.Errorf("Deliver to nobody ended after %v, want a second and false", time.Since(start)-3*time.Second)
		}
	})
}

// TestListenerEnds: what is under way when a listener is closed ends with it, and its
// greetings are bounded.
func TestListenerEnds(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Serve(ln, NewQueue(ln.Addr()), "/here", http.NotFoundHandler())
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /here HTTP/1.1\r\nHo"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if got, err := io.ReadAll(conn); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client in its greeting read %q, %v", got, err)
	}
}

// TestTooManyGreetings: one connection more than may be in their greeting is closed.
func TestTooManyGreetings(t *testing.T) {
	t.Parallel()
	l := &Listener{greeting: peerip.NewCrowd(MaxGreeting, MaxGreetingPerPeer)}
	conns := make([]net.Conn, MaxGreeting+1)
	closed := func(c net.Conn) bool { return c.SetDeadline(time.Time{}) != nil }
	for i := range conns {
		conns[i], _ = net.Pipe()
		l.count(conns[i], http.StateNew)
	}
	if last := len(conns) - 1; closed(conns[last-1]) || !closed(conns[last]) {
		t.Errorf("connection %d was closed, or %d was not", last, last+1)
	}
	l.count(conns[0], http.StateHijacked)
	l.count(conns[MaxGreeting], http.StateClosed)
	one, _ := net.Pipe()
	if l.count(one, http.StateNew); closed(one) {
		t.Error("a connection was closed, and there was room")
	}
}

// from is a connection with an address.
type from struct {
	net.Conn

	addr net.TCPAddr
}

func (f *from) RemoteAddr() net.Addr { return &f.addr }

// TestGreetingsOfOnePeer: one that takes many places leaves the others theirs.
func TestGreetingsOfOnePeer(t *testing.T) {
	t.Parallel()
	l := &Listener{greeting: peerip.NewCrowd(MaxGreeting, MaxGreetingPerPeer)}
	greet := func(ip string) (open bool) {
		c, _ := net.Pipe()
		l.count(&from{c, net.TCPAddr{IP: net.ParseIP(ip)}}, http.StateNew)
		return c.SetDeadline(time.Time{}) == nil
	}
	for i := range MaxGreetingPerPeer {
		if !greet("192.0.2.1") {
			t.Fatalf("connection %d was closed", i)
		}
	}
	if greet("192.0.2.1") || !greet("192.0.2.2") {
		t.Error("one peer has more than its share, or another one none")
	}
}

func TestReadResponse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		status   string // "": an error
	}{
		{"lf", "HTTP/1.0 200 Connected to rpcx\n\n", "200 Connected to rpcx"},
		{"crlf and fields", "HTTP/1.1 200 Connected to rpcx\r\nDate: now\r\n\r\n", "200 Connected to rpcx"},
		{"mixed", "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\r\n\n", "101 Switching Protocols"},
		{"early end", "HTTP/1.0 200 Connec", ""},
		{"not http", "SSH-2.0-x\n\n", ""},
		{"nothing", "", ""},
		{"too long", "HTTP/1.0 200 OK\nX: " + strings.Repeat("x", MaxHeader), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := strings.NewReader(tt.in + "frames")
			if tt.status == "" {
				in = strings.NewReader(tt.in)
			}
			resp, err := ReadResponse(in, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // the answer to CONNECT has none
			if tt.status == "" {
				if err == nil {
					t.Errorf("status %q, want an error", resp.Status)
				}
				return
			}
			if err != nil || resp.Status != tt.status {
				t.Fatalf("ReadResponse = %+v, %v", resp, err)
			}
			if rest, _ := io.ReadAll(in); string(rest) != "frames" {
				t.Errorf("what is left to read is %q", rest)
			}
		})
	}
}

func TestSplitAndCheckPath(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string][2]string{
		"host:1": {"host:1", ""}, "host:1/": {"host:1", "/"}, "[::1]:1/a/b": {"[::1]:1", "/a/b"}, "": {"", ""},
	} {
		if hostPort, path := Split(addr); hostPort != want[0] || path != want[1] {
			t.Errorf("Split(%q) = %q, %q", addr, hostPort, path)
		}
	}
	for path, good := range map[string]bool{
		"/": true, "/_rpcx_": true, "/a/b%20c": true,
		"": false, "x": false, "/a b": false, "/a\r\nX: y": false, "/a?b": false, "/a#b": false, "/ä": false,
	} {
		if err := CheckPath(path); (err == nil) != good {
			t.Errorf("CheckPath(%q) = %v", path, err)
		}
	}
}

// TestDialIsBounded: a server that says nothing costs no more than the greeting's time.
func TestDialIsBounded(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	conn, err := Dial(ctx, ln.Addr().String(), transport.Settings{}, func(conn net.Conn) error {
		cancel(errors.New("enough"))
		_, err := conn.Read(make([]byte, 1))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("Dial = %v, %v, want the cause of the context's end", conn, err)
	}
}

func TestListenWithPath(t *testing.T) {
	t.Parallel()
	if l, err := Listen(t.Context(), "127.0.0.1:0/x", transport.Settings{}); err == nil || !strings.Contains(err.Error(), "path") {
		t.Errorf("Listen = %v, %v, want an error about the path", l, err)
	}
}

func TestEarly(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer b.Close()
	if WithEarly(a, nil) != a {
		t.Error("a connection with nothing read was wrapped")
	}
	c := WithEarly(a, []byte("early "))
	go func() {
		_, _ = b.Write([]byte("late"))
		_ = b.Close()
	}()
	if got, err := io.ReadAll(c); err != nil || string(got) != "early late" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite over a pipe = %v", err)
	}
	if Resumable(c) {
		t.Error("a pipe is said to be resumable")
	}
}
