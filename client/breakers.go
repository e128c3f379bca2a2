// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/breaker"
)

// Breaker says when a method that fails on a server is kept away from that server, and
// from no other: there is a circuit breaker for each method on each server. It hears of
// every attempt. Failures are those that say something about the server: it answered
// too late, with Internal or Unavailable, or was gone before it answered. What a service
// returns otherwise is an answer. A caller that gives up says nothing; a server that cannot be
// reached is left to the state of its connection.
//
// A server that refuses calls of a method as ResourceExhausted and not executed is too busy,
// and gets about twice as many of them as it takes, as long as there are others.
//
// An open breaker closes again by probes: after a pause one call is let through, and
// decides. Zero of a field means its default.
type Breaker struct {
	// Failures is how many in a row open a breaker. Default 5.
	Failures int
	// Rate is which part of the recent calls, of which there must be 20, must have failed
	// to open it. Default 0.5; above 1: never. The past fades over Window, 10 s by default.
	Rate   float64
	Window time.Duration
	// Pause is how long it stays open before the first probe. It doubles with every probe
	// that fails, up to MaxPause. Defaults 1 s and 3 s.
	Pause, MaxPause time.Duration
	// Refuse makes calls fail at once, as Unavailable and not executed, while the breakers
	// of their method are open on all servers. Default: they then go to one of them all the
	// same, for a server that fails half the time is better than none.
	Refuse bool
	// Off switches breakers off.
	Off bool
}

// maxBreakers bounds the methods of a server that have a breaker.
const maxBreakers = 256

type methodName struct{ service, method string }

// breakers are those of one server. Only methods that failed there have one, so that
// all others cost a call one atomic load.
type breakers struct {
	byMethod atomic.Pointer[map[methodName]*breaker.Breaker] // the map does not change
	mu       sync.Mutex                                      // held to replace it
}

// of returns the breaker of a method, nil if it has none.
func (b *breakers) of(call *rpcx.Call) *breaker.Breaker {
	m := b.byMethod.Load()
	if m == nil {
		return nil
	}
	return (*m)[methodName{call.Service, call.Method}]
}

// create returns the breaker of a method, a new one if it has none. It returns nil when
// as many are open as there may be.
func (b *breakers) create(call *rpcx.Call, config breaker.Config) *breaker.Breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	if br := b.of(call); br != nil {
		return br
	}
	next := make(map[methodName]*breaker.Breaker)
	if m := b.byMethod.Load(); m != nil {
		for name, br := range *m {
			if len(*m) < maxBreakers || br.State() != breaker.Closed {
				next[name] = br
			}
		}
	}
	if len(next) >= maxBreakers {
		return nil
	}
	br := breaker.New(config)
	next[methodName{call.Service, call.Method}] = br
	b.byMethod.Store(&next)
	return br
}

// hold reports whether br is the breaker of a method.
func (b *breakers) hold(call *rpcx.Call, br *breaker.Breaker) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.of(call) == br
}

// remove forgets the breaker of a method, which has closed: a new one is no different.
func (b *breakers) remove(call *rpcx.Call, br *breaker.Breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if br == nil || b.of(call) != br || br.State() != breaker.Closed {
		return // it has opened again
	}
	next := make(map[methodName]*breaker.Breaker)
	for name, other := range *b.byMethod.Load() {
		if other != br {
			next[name] = other
		}
	}
	if len(next) == 0 {
		b.byMethod.Store(nil)
		return
	}
	b.byMethod.Store(&next)
}

// permit is leave to call a method on a server. The zero value is given where there is
// no breaker to ask, or nobody else to go to.
type permit struct {
	breaker *breaker.Breaker
	ticket  breaker.Ticket
}

// permit asks the method's breaker for a call. A call that it does not allow gets none.
func (b *breakers) permit(call *rpcx.Call) (p permit, allowed bool) {
	br := b.of(call)
	if br == nil {
		return permit{}, true
	}
	ticket, allowed := br.Allow()
	if !allowed {
		return permit{}, false
	}
	return permit{br, ticket}, true
}

// ready reports whether permit would allow a call.
func (b *breakers) ready(call *rpcx.Call) bool {
	br := b.of(call)
	return br == nil || br.Ready()
}
