// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"net"
	"sync"
)

// listener takes connections under a name.
type listener struct {
	net     *Transport
	name    addr
	dialled chan net.Conn // the server's ends, from Dial straight to Accept
	closed  chan struct{}
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed: // before a client that may wait as well
		return nil, l.failed(net.ErrClosed)
	default:
	}
	select {
	case c := <-l.dialled:
		return c, nil
	case <-l.closed:
		return nil, l.failed(net.ErrClosed)
	}
}

// Close frees the name and ends every Accept. Connections that were accepted live on.
// A second call does nothing.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.net.remove(l)
		close(l.closed)
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.name }

func (l *listener) failed(err error) error {
	return &net.OpError{Op: "accept", Net: network, Addr: l.name, Err: err}
}
