// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"context"
	"errors"
	"net"
	"sync"

	quicgo "github.com/quic-go/quic-go"
)

// Bounds of the connections to a listener that nobody was given a stream of. Whoever is
// given one counts and closes it.
const (
	// maxGuests is how many there may be; further ones are refused.
	maxGuests = 4096
	// doubtFrom is from how many on a client must prove that it is where it says, which
	// costs it a round trip.
	doubtFrom = 256
)

var (
	errCrowded      = errors.New("quic: too many connections without streams")
	errNotPermitted = errors.New("quic: the address may not connect")
)

// guests counts them.
type guests struct {
	permits    func(net.Addr) bool // nil: everybody may come
	max, doubt int

	mu sync.Mutex
	n  int
}

// guest is a connection, from its first packet on.
type guest struct {
	of *guests

	served int // streams that somebody was given; guarded by of.mu, as the next
	gone   bool
}

type guestKey struct{}

// doubts reports whether clients have to prove where they are.
func (g *guests) doubts(net.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n >= g.doubt
}

// welcome counts a connection, for as long as ctx, which is its own.
func (g *guests) welcome(ctx context.Context, from *quicgo.ClientInfo) (context.Context, error) {
	if g.permits != nil && !g.permits(from.RemoteAddr) {
		return nil, errNotPermitted
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= g.max {
		return nil, errCrowded
	}
	g.n++
	one := &guest{of: g}
	context.AfterFunc(ctx, one.leave)
	return context.WithValue(ctx, guestKey{}, one), nil
}

func (g *guest) leave() {
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	if !g.gone && g.served == 0 {
		g.of.n--
	}
	g.gone = true
}

// serve notes that streams of a connection were given to somebody, or have ended. Those
// of a client have no guest.
func (g *guest) serve(streams int) {
	if g == nil {
		return
	}
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	before := g.served
	g.served += streams
	switch {
	case g.gone:
	case before == 0 && g.served > 0:
		g.of.n--
	case before > 0 && g.served == 0:
		g.of.n++
	}
}
