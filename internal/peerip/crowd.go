// SPDX-License-Identifier: Apache-2.0

package peerip

import (
	"net"
	"net/netip"
	"sync"
)

// Crowd counts those who are somewhere, in all and of one caller. Its methods may be
// called concurrently.
type Crowd struct {
	max, maxPerCaller int

	mu        sync.Mutex // guards what follows
	n         int
	perCaller map[netip.Prefix]int // those without an IP address are none
}

// NewCrowd returns a Crowd of nobody, and of how many it may be.
func NewCrowd(limit, perCaller int) *Crowd {
	return &Crowd{max: limit, maxPerCaller: perCaller, perCaller: make(map[netip.Prefix]int)}
}

// Enter counts somebody in, and reports whether there is room. Whoever has entered has to
// Leave, be there room or not.
func (c *Crowd) Enter(addr net.Addr) (room bool) {
	caller := Caller(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if !caller.IsValid() {
		return c.n <= c.max
	}
	c.perCaller[caller]++
	return c.n <= c.max && c.perCaller[caller] <= c.maxPerCaller
}

// Leave counts somebody out.
func (c *Crowd) Leave(addr net.Addr) {
	caller := Caller(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if !caller.IsValid() {
		return
	}
	if c.perCaller[caller]--; c.perCaller[caller] == 0 {
		delete(c.perCaller, caller)
	}
}

// Len returns how many there are.
func (c *Crowd) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
