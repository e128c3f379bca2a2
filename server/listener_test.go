// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// listeners is a listener that is no key of a map.
type listeners struct{ of []net.Listener }

func (l listeners) Accept() (net.Conn, error) { return l.of[0].Accept() }
func (l listeners) Close() error              { return l.of[0].Close() }
func (l listeners) Addr() net.Addr            { return l.of[0].Addr() }

// A listener may be of any type, and be given twice.
func TestListenerOfAnyType(t *testing.T) {
	t.Parallel()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.NewServer()
	served := make(chan error, 2)
	for range 2 {
		go func() { served <- s.ServeListener("tcp", listeners{[]net.Listener{ln}}) }()
	}
	<-s.Started()
	if got := s.Address().String(); got != ln.Addr().String() {
		t.Errorf("it listens on %s", got)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("ServeListener returned %v", err)
		}
	}
}

// stubborn is a listener whose Accept does not heed Close for a while.
type stubborn struct{ release chan struct{} }

func (l stubborn) Accept() (net.Conn, error) { <-l.release; return nil, io.EOF }
func (stubborn) Close() error                { return nil }
func (stubborn) Addr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// Shutdown waits for a listener no longer than for anything else.
func TestShutdownOfStubbornListener(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := server.NewServer()
		ln := stubborn{make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- s.ServeListener("tcp", ln) }()
		<-s.Started()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(ctx) }()
		time.Sleep(2 * time.Second)
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown returned %v", err)
			}
		default:
			t.Error("Shutdown waits for the listener")
		}
		close(ln.release)
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("ServeListener returned %v", err)
		}
	})
}
