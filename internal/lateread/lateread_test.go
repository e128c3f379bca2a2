// SPDX-License-Identifier: Apache-2.0

package lateread_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/internal/lateread"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// space counts what is lent.
type space struct {
	b    []byte
	lent int
	most int
}

func (s *space) Take() []byte {
	s.lent++
	s.most = max(s.most, s.lent)
	return s.b
}

func (s *space) Drop() { s.lent-- }

// pair returns a socket to read late and its peer.
func pair(t *testing.T, network string) (*lateread.Conn, net.Conn) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("sockets are read with a buffer there")
	}
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	theirs, err := (&net.Dialer{}).DialContext(t.Context(), network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		theirs.Close()
		ours.Close()
	})
	c := lateread.New(ours)
	if c == nil {
		t.Fatalf("a %T cannot be read late", ours)
	}
	return c, theirs
}

func TestReadLate(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			c, peer := pair(t, network)
			s := &space{b: make([]byte, 4)}
			done := make(chan error, 1)
			read := func() (n int) {
				t.Helper()
				go func() {
					var err error
					n, err = c.ReadLate(s)
					done <- err
				}()
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				return n
			}
			go func() { _, _ = io.WriteString(peer, "hello") }()
			got := ""
			for len(got) < len("hello") {
				got += string(s.b[:read()])
				s.Drop()
			}
			if got != "hello" || s.lent != 0 || s.most != 1 {
				t.Errorf("read %q; %d lent, %d at once", got, s.lent, s.most)
			}
			peer.Close()
			if n, err := c.ReadLate(s); n != 0 || !errors.Is(err, io.EOF) || s.lent != 0 {
				t.Errorf("at the end: %d, %v; %d lent", n, err, s.lent)
			}
		})
	}
}

// A read that waits holds nothing, and ends as one with a buffer does.
func TestReadLateEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end  func(c *lateread.Conn, peer net.Conn)
		want error
	}{
		"deadline": {func(c *lateread.Conn, _ net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"closed":   {func(c *lateread.Conn, _ net.Conn) { c.Close() }, net.ErrClosed},
		"by peer":  {func(_ *lateread.Conn, peer net.Conn) { peer.Close() }, io.EOF},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, peer := pair(t, "tcp")
			s := &space{b: make([]byte, 4)}
			done := make(chan error, 1)
			go func() {
				_, err := c.ReadLate(s)
				done <- err
			}()
			tt.end(c, peer)
			if err := <-done; !errors.Is(err, tt.want) || s.lent != 0 {
				t.Errorf("ended with %v, want %v; %d lent", err, tt.want, s.lent)
			}
		})
	}
}

// A reset is an error like that of Read.
func TestReadLateAfterReset(t *testing.T) {
	t.Parallel()
	c, peer := pair(t, "tcp")
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	_, err := c.ReadLate(&space{b: make([]byte, 4)})
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "read" || op.Addr == nil {
		t.Errorf("got %v", err)
	}
}

// What is no bare socket has a Read that must not be passed by.
func TestNew(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	c, _ := pair(t, "tcp")
	for name, nc := range map[string]net.Conn{
		"pipe":    a,
		"TLS":     tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}), //nolint:gosec // never used
		"wrapper": struct{ net.Conn }{c.Conn},
		"itself":  c,
	} {
		if lateread.New(nc) != nil {
			t.Errorf("%s can be read late", name)
		}
	}
}
