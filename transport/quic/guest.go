// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"context"
	"errors"
	"net"
	"sync"

	quicgo "github.com/quic-go/quic-go"

	"github.com/rpcx-go/rpcx/internal/peerip"
)

// Bounds of the connections to a listener that nobody was given a stream of. Whoever is
// given one counts and closes it.
const (
	// maxGuests is how many there may be; further ones are refused.
	maxGuests = 4096
	// maxGuestsPerPeer is how many of them may be of one peer.
	maxGuestsPerPeer = 256
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
	permits func(net.Addr) bool // nil: everybody may come
	doubt   int
	crowd   *peerip.Crowd
}

// guest is a connection, from its first packet on.
type guest struct {
	crowd *peerip.Crowd
	addr  net.Addr // where it came from

	mu     sync.Mutex // guards what follows
	served int        // streams that somebody was given
	gone   bool
}

type guestKey struct{}

// doubts reports whether clients have to prove where they are.
func (g *guests) doubts(net.Addr) bool { return g.crowd.Len() >= g.doubt }

// welcome counts a connection, for as long as ctx, which is its own.
func (g *guests) welcome(ctx context.Context, from *quicgo.ClientInfo) (context.Context, error) {
	if g.permits != nil && !g.permits(from.RemoteAddr) {
		return nil, errNotPermitted
	}
	one := &guest{crowd: g.crowd, addr: from.RemoteAddr}
	if !g.crowd.Enter(one.addr) {
		g.crowd.Leave(one.addr)
		return nil, errCrowded
	}
	context.AfterFunc(ctx, one.leave)
	return context.WithValue(ctx, guestKey{}, one), nil
}

func (g *guest) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.gone && g.served == 0 {
		g.crowd.Leave(g.addr)
	}
	g.gone = true
}

// serve notes that streams of a connection were given to somebody, or have ended. Those
// of a client have no guest.
func (g *guest) serve(streams int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.served
	g.served += streams
	switch {
	case g.gone:
	case before == 0 && g.served > 0:
		g.crowd.Leave(g.addr)
	case before > 0 && g.served == 0:
		g.crowd.Enter(g.addr) // there may be one more than there is room for
	}
}
