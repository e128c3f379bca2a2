// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/netip"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
)

// places are those of the requests that are served at a time.
type places struct {
	limit, each int // in all, and of a single caller

	mu    sync.Mutex // guards what follows
	all   int
	taken map[netip.Prefix]int // by callers that have any
}

// place is one of them.
type place struct {
	places *places
	caller netip.Prefix
}

var (
	errTooMany     = rpcx.Errorf(rpcx.Unavailable, "gateway: as many requests are served as may").NotExecuted().WithPause(time.Second)
	errTooManyPeer = rpcx.Errorf(rpcx.ResourceExhausted, "gateway: as many requests of one address are served as may").NotExecuted().WithPause(time.Second)
)

func (p *places) take(caller netip.Prefix) (place, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.all >= p.limit:
		return place{}, errTooMany
	case p.taken[caller] >= p.each:
		return place{}, errTooManyPeer
	}
	p.all++
	p.taken[caller]++
	return place{p, caller}, nil
}

// leave gives a place back.
func (l place) leave() {
	p := l.places
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.taken[l.caller]--; p.taken[l.caller] == 0 {
		delete(p.taken, l.caller)
	}
}
