// SPDX-License-Identifier: Apache-2.0

package client

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
)

// What a server refuses counts while it is recent, and when it is more than some calls.
const (
	sheddingWindow = time.Second     // in which the past fades
	sheddingSome   = 3               // calls
	sheddingTimes  = 2               // how many times as much as it takes a server gets
	sheddingEnd    = 3 * time.Second // without a refusal
	maxShedding    = 256             // methods of a server
)

// shedding is what a server takes and refuses of those methods that it was too busy for
// lately. It does not refuse the less for being sent more: so it gets twice as many calls as
// it takes, which lets it take more as soon as it can, and the rest goes elsewhere at once.
type shedding struct {
	methods atomic.Int32 // in byMethod; the lock is for when there are any

	mu       sync.Mutex // guards what follows
	byMethod map[methodName]*taking
	tidied   time.Time
}

// taking is how many calls of a method a server took and refused, weighted by age.
type taking struct {
	taken, refused float64
	at             time.Time // until when they are aged
	last           time.Time // when a call was refused last
}

// age lets the past fade.
func (k *taking) age(now time.Time) {
	keep := math.Exp(-float64(now.Sub(k.at)) / float64(sheddingWindow))
	k.taken, k.refused, k.at = k.taken*keep, k.refused*keep, now
}

// refuse notes a refused call. It reports true for the first one of a method.
func (s *shedding) refuse(call *rpcx.Call) (begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, now := methodName{call.Service, call.Method}, time.Now()
	k := s.byMethod[name]
	if k == nil {
		if len(s.byMethod) >= maxShedding {
			return false
		}
		if s.byMethod == nil {
			s.byMethod = make(map[methodName]*taking)
		}
		k, begun = &taking{at: now}, true
		s.byMethod[name] = k
		s.methods.Add(1)
	}
	k.age(now)
	k.refused++
	k.last = now
	return begun
}

// take notes a call that was taken.
func (s *shedding) take(call *rpcx.Call) {
	if s.methods.Load() != 0 {
		s.count(call)
	}
}

func (s *shedding) count(call *rpcx.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byMethod[methodName{call.Service, call.Method}]; k != nil {
		k.age(time.Now())
		k.taken++
	}
}

// part returns which part of the calls of a method that would go to the server should.
func (s *shedding) part(call *rpcx.Call) float64 {
	if s.methods.Load() == 0 {
		return 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byMethod[methodName{call.Service, call.Method}]
	if k == nil {
		return 1
	}
	k.age(time.Now())
	return sheddingTimes * (k.taken + sheddingSome) / (k.taken + k.refused + sheddingSome)
}

// tidy forgets methods of which nothing was refused for a while, and returns how many.
func (s *shedding) tidy(now time.Time) (n int32) {
	if s.methods.Load() == 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.tidied) < sheddingWindow/10 {
		return 0
	}
	s.tidied = now
	for name, k := range s.byMethod {
		if now.Sub(k.last) > sheddingEnd {
			delete(s.byMethod, name)
			n++
		}
	}
	s.methods.Add(-n)
	return n
}
