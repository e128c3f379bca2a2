// SPDX-License-Identifier: Apache-2.0

package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
)

func testNetworks(t *testing.T, c Config) {
	if !slices.Contains(c.Transport.Networks(), c.Network) {
		t.Errorf("Networks() = %q, want %q among them", c.Transport.Networks(), c.Network)
	}
	for _, network := range []string{"", "no such network", "TCP", c.Network + " "} {
		if conn, err := c.Transport.Dial(t.Context(), network, c.Addr, transport.Settings{}); err == nil {
			t.Errorf("Dial of network %q: no error", network)
			_ = conn.Close()
		}
		if l, err := c.Transport.Listen(t.Context(), network, c.Addr, transport.Settings{}); err == nil {
			t.Errorf("Listen on network %q: no error", network)
			_ = l.Close()
		}
	}
}

// testConcurrentDials has many clients talk to one echoing server at once.
func testConcurrentDials(t *testing.T, r *rig) {
	const clients = 32
	l := r.listen(t)
	var servers, dials sync.WaitGroup
	servers.Go(func() {
		for range clients {
			conn, err := l.Accept()
			if err != nil {
				t.Errorf("Accept: %v", err)
				return
			}
			servers.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // the client tells what arrived
			})
		}
	})
	for i := range clients {
		dials.Go(func() {
			conn, err := r.dial(t, l)
			if err != nil {
				t.Errorf("client %d: Dial: %v", i, err)
				return
			}
			defer conn.Close()
			want := fmt.Sprintf("client %d", i)
			got := make([]byte, len(want))
			if _, err := io.WriteString(conn, want); err != nil {
				t.Errorf("client %d: Write: %v", i, err)
			} else if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
				t.Errorf("client %d: read %q, %v, want %q", i, got, err, want)
			}
		})
	}
	dials.Wait()
	if t.Failed() {
		_ = l.Close() // or Accept waits for those who failed
	}
	servers.Wait()
}

// testListenerClose closes a listener with somebody in Accept, and takes its address
// again.
func testListenerClose(t *testing.T, r *rig) {
	l := r.listen(t)
	client, server := r.connect(t, l)
	addr := l.Addr().String()
	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ended with %v, want net.ErrClosed", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v, want net.ErrClosed", err)
	}
	r.wantNoListener(t, l)

	if _, err := io.WriteString(client, "alive"); err != nil {
		t.Errorf("Write after the listener's Close: %v", err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "alive" {
		t.Errorf("Read after the listener's Close: %q, %v", got, err)
	}

	if r.Datagrams {
		_ = client.Close()
		_ = server.Close()
		r.wait() // what they send late would be a new connection to who listens next
	}
	again := r.listenAgain(t, addr)
	if got := again.Addr().String(); got != addr {
		t.Errorf("listening on %q again has the address %q", addr, got)
	}
	r.connect(t, again)
}

func testAddressTaken(t *testing.T, r *rig) {
	l := r.listen(t)
	other, err := r.Transport.Listen(t.Context(), r.Network, l.Addr().String(), r.server)
	switch {
	case err == nil && !r.SharesAddr:
		t.Errorf("a second listener on %q: no error", l.Addr())
		_ = other.Close()
	case err == nil:
		_ = other.Close()
	case r.SharesAddr:
		t.Errorf("a second listener on %q: %v", l.Addr(), err)
	}
}

// testContextEnded calls with a context that is over, and dials where nobody listens.
func testContextEnded(t *testing.T, r *rig) {
	l := r.listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	conn, err := r.Transport.Dial(ctx, r.Network, l.Addr().String(), r.client)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Dial = %v, %v, want context.Canceled", conn, err)
	}
}

// wantNoListener dials where nobody listens any more.
func (r *rig) wantNoListener(t *testing.T, l net.Listener) {
	t.Helper()
	if r.silent() {
		return // Dial cannot know
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	if r.Datagrams {
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	}
	defer cancel()
	conn, err := r.Transport.Dial(ctx, r.Network, l.Addr().String(), r.client)
	if err == nil {
		t.Error("Dial after Close: no error")
		_ = conn.Close()
	}
}

// wait waits until what was closed sends nothing any more, where the transport tells.
func (r *rig) wait() {
	if c, ok := r.Transport.(io.Closer); ok {
		_ = c.Close()
	}
}

// listenAgain takes an address that was used. Where connections share the socket of
// their listener it takes a moment until they have let it go.
func (r *rig) listenAgain(t *testing.T, addr string) net.Listener {
	t.Helper()
	for end := time.Now().Add(timeout); r.Datagrams && time.Now().Before(end); {
		if l, err := r.Transport.Listen(t.Context(), r.Network, addr, r.server); err == nil {
			t.Cleanup(func() { _ = l.Close() }) // some tests have closed it
			return l
		}
		<-time.After(5 * time.Millisecond)
	}
	return r.listenOn(t, addr)
}
