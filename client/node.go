// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"sync/atomic"
	"time"
)

// node is one server, with its connections.
type node struct {
	client        *Client
	key           string // network@address
	network, addr string
	lanes         []*lane
	first         lane          // of lanes, here because most nodes have no other
	next          atomic.Uint32 // lane
	signal        chan struct{} // holds one: a connection has ended; for supervise
	closed        chan struct{}

	breakers breakers // of the methods that fail here
	record   record   // of how calls to it went
	shedding shedding // of the methods that it is too busy for
	bars     bars

	users int // services that have it in their snapshot; guarded by client.mu
}

func newNode(c *Client, network, addr string) *node {
	n := &node{
		client:  c,
		key:     network + "@" + addr,
		network: network,
		addr:    addr,
		lanes:   make([]*lane, c.config.ConnsPerServer),
		signal:  make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	n.first.node = n
	n.lanes[0] = &n.first
	for i := 1; i < len(n.lanes); i++ {
		n.lanes[i] = &lane{node: n}
	}
	return n
}

// usable reports whether a call should be sent here: there is a connection, or
// nothing that speaks against dialling one.
func (n *node) usable() bool {
	if n.first.ready() != nil {
		return true
	}
	for _, l := range n.lanes[1:] {
		if l.ready() != nil {
			return true
		}
	}
	for _, l := range n.lanes {
		if !l.broken() {
			return true
		}
	}
	return false
}

// conn returns a connection for a call. Lanes take turns; one without a connection
// is filled while another one serves.
func (n *node) conn(ctx context.Context) (*Conn, error) {
	if len(n.lanes) == 1 {
		return n.first.get(ctx)
	}
	start := int(n.next.Add(1) % uint32(len(n.lanes)))
	first := n.lanes[start]
	for i := range n.lanes {
		l := n.lanes[(start+i)%len(n.lanes)]
		if c := l.ready(); c != nil {
			if l != first {
				first.fill()
			}
			return c, nil
		}
	}
	return first.get(ctx)
}

// fill dials in the background if there is no connection and no reason to wait.
func (l *lane) fill() {
	if l.broken() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dialing == nil && !l.closed && l.ready() == nil {
		l.startDial()
	}
}

// supervise keeps the node connected for a client that receives pushes, and so must
// not wait for a call to connect it. It pauses longer and longer while the server
// cannot be dialled, or takes connections only to close them.
func (n *node) supervise() {
	for failures := 0; ; {
		began := time.Now()
		if n.connect() {
			select {
			case <-n.signal:
			case <-n.closed:
				return
			case <-n.client.ctx.Done():
				return
			}
			if time.Since(began) >= shortLived {
				failures = 0
				continue
			}
		}
		if !n.pause(failures) {
			return
		}
		failures++
	}
}

// connect makes all connections of the node, and reports whether it could.
func (n *node) connect() bool {
	all := true
	for _, l := range n.lanes {
		if _, err := l.get(n.client.ctx); err != nil {
			all = false
		}
	}
	return all
}

// pause waits between attempts to connect. It reports false when there is nothing
// more to do.
func (n *node) pause(failures int) bool {
	timer := time.NewTimer(n.client.config.reconnect.Delay(failures))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-n.closed:
		return false
	case <-n.client.ctx.Done():
		return false
	}
}

// wake makes supervise look again.
func (n *node) wake() {
	select {
	case n.signal <- struct{}{}:
	default:
	}
}

// close retires the node: calls on it end, new ones go elsewhere.
func (n *node) close() {
	close(n.closed)
	n.client.guard.forget(n)
	for _, l := range n.lanes {
		l.close()
	}
}
