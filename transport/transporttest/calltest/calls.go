// SPDX-License-Identifier: Apache-2.0

package calltest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// testCalls makes calls of all forms and sizes, many at once, over several connections.
// A client that comes and goes does not harm those after it.
func testCalls(t *testing.T, w *world) {
	echo := newEcho()
	s := w.serve(t, echo)
	for range 2 {
		t.Run("client", func(t *testing.T) { callAll(t, w.open(t, s.Address().String()), echo) })
	}
	s.shutDown(t)
}

func callAll(t *testing.T, c *caller, echo *Echo) {
	t.Helper()
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if err := c.say(t.Context(), bytes.Repeat([]byte{byte(i + 1)}, 1+i*1000)); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if err := c.say(t.Context(), bytes.Repeat([]byte("large"), 1<<20)); err != nil {
		t.Errorf("5 MiB: %v", err)
	}
	if err := c.say(t.Context(), nil); err == nil || err.Error() != "nothing was said" {
		t.Errorf("the service's error is %v", err)
	}
	news := []byte("news")
	if err := c.Oneshot(t.Context(), "Tell", &news); err != nil {
		t.Errorf("one-way: %v", err)
	}
	if told := <-echo.told; !bytes.Equal(told, news) {
		t.Errorf("the server was told %q", told)
	}
	if m := <-c.pushed; m.Method != "Told" || !bytes.Equal(m.Payload, news) {
		t.Errorf("pushed %s %q", m.Method, m.Payload)
	}
}

// testPeer lets the server see who calls, by the certificate if there is one.
func testPeer(t *testing.T, w *world) {
	s := w.serve(t, newEcho())
	want := ""
	if w.serverTLS != nil {
		want = "test client"
	}
	var none, name []byte
	if err := w.open(t, s.Address().String()).Call(t.Context(), "Who", &none, &name); err != nil || string(name) != want {
		t.Errorf("the caller is %q, %v, want %q", name, err, want)
	}
}

// testShutdown ends a server while a call is under way: it is answered, and then nobody
// is there any more.
func testShutdown(t *testing.T, w *world) {
	echo := newEcho()
	s := w.serve(t, echo)
	addr := s.Address().String()
	c := w.open(t, addr)
	answered := make(chan error, 1)
	go func() {
		text := []byte("last words")
		var reply []byte
		err := c.Call(t.Context(), "Wait", &text, &reply)
		if err == nil && !bytes.Equal(reply, text) {
			err = errors.New("another reply")
		}
		answered <- err
	}()
	<-echo.began
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.shutDown(t)
	}()
	close(echo.more)
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	<-ended
	if w.Datagrams {
		return // over which nobody says that nobody is there
	}
	if err := c.say(t.Context(), []byte("hello?")); !errors.Is(err, rpcx.Unavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call after Shutdown: %v, want that nobody is there", err)
	}
}
