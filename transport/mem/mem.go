// SPDX-License-Identifier: Apache-2.0

// Package mem is the transport of network "mem": connections within the process, for
// tests and for services that live beside their callers.
//
//	transports := transport.NewSet(mem.New())
//
// A [Transport] is a network of its own: who shares the value can reach each other, by
// names, and nobody else can. A connection buffers 64 KiB in each direction, has deadlines,
// can be half closed (CloseWrite), and delivers what was written before Close. TLS runs
// over it as over any other.
package mem

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rpcx-go/rpcx/transport"
)

const network = "mem"

// Transport is a network in memory. It must be made with New.
type Transport struct {
	mu        sync.Mutex // over the fields below
	listeners map[string]*listener
	last      uint64 // the last number that was given out in a name
}

var _ transport.Transport = (*Transport)(nil)

// New returns a network without listeners.
func New() *Transport {
	return &Transport{listeners: make(map[string]*listener)}
}

// Networks returns "mem".
func (*Transport) Networks() []string { return []string{network} }

// Dial connects to the listener of a name. It waits for the listener's Accept: there
// is no queue of connections that nobody has taken. With TLS the name, up to a colon
// and a port, is verified unless the settings name another server. KeepAlive has no
// effect.
func (t *Transport) Dial(ctx context.Context, network, name string, s transport.Settings) (net.Conn, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	c, err := t.connect(ctx, name)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(name), Err: err}
	}
	host, _, err := net.SplitHostPort(name)
	if err != nil {
		host = name
	}
	return s.ClientTLS(ctx, c, host)
}

func (t *Transport) connect(ctx context.Context, name string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l, number := t.find(name)
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	client, server := pipe(addr("client-"+strconv.FormatUint(number, 10)), l.name)
	select {
	case l.dialled <- server:
		return client, nil
	case <-l.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// find returns the listener of a name, nil if there is none, and a fresh number.
func (t *Transport) find(name string) (*listener, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.listeners[name], t.last
}

// Listen takes a name until the listener is closed. The name "" stands for any free
// one, and so does a number 0 behind the last colon: the listener's Addr shows it.
func (t *Transport) Listen(_ context.Context, network, name string, s transport.Settings) (net.Listener, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	l, err := t.listen(name)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: addr(name), Err: err}
	}
	return s.ServerTLS(l)
}

func (t *Transport) listen(name string) (*listener, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name = t.choose(name)
	if t.listeners[name] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &listener{
		net:     t,
		name:    addr(name),
		dialled: make(chan net.Conn),
		closed:  make(chan struct{}),
	}
	t.listeners[name] = l
	return l, nil
}

// choose makes a name of one that leaves the choice to the network.
func (t *Transport) choose(name string) string {
	base, open := strings.CutSuffix(name, ":0")
	switch {
	case name == "":
		base = "mem-"
	case open:
		base += ":"
	default:
		return name
	}
	for {
		t.last++
		if name := base + strconv.FormatUint(t.last, 10); t.listeners[name] == nil {
			return name
		}
	}
}

// remove frees the name of l.
func (t *Transport) remove(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.listeners, string(l.name))
}

func check(name string) error {
	if name != network {
		return fmt.Errorf("mem: %w", net.UnknownNetworkError(name))
	}
	return nil
}
