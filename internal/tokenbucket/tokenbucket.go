// SPDX-License-Identifier: Apache-2.0

// Package tokenbucket limits how often something happens, for each of a bounded number
// of keys. The rate limits of servers and of package middleware are made of it.
package tokenbucket

import (
	"crypto/sha256"
	"math"
	"strings"
	"sync"
	"time"
)

// Rate is how much each key may do, and how many keys are told apart.
type Rate struct {
	// PerSecond is how often in the long run. Default 1000.
	PerSecond float64
	// Burst is how often at once after a rest. Default: that of one second, at least 1.
	Burst int
	// MaxKeys is how many keys are remembered: when as many are busy, all further ones
	// share one bucket. Default 10,000.
	MaxKeys int
}

// WithDefaults returns r with what is not set, or makes no sense, filled in.
func (r Rate) WithDefaults() Rate {
	if r.PerSecond <= 0 || math.IsNaN(r.PerSecond) {
		r.PerSecond = 1000
	}
	if r.Burst <= 0 {
		r.Burst = int(min(max(r.PerSecond, 1), math.MaxInt32))
	}
	if r.MaxKeys <= 0 {
		r.MaxKeys = 10_000
	}
	return r
}

// longest is the most that one token, and all of them, take to come.
const longest = 100 * 365 * 24 * time.Hour

// longKey is the longest key that is kept as it is.
const longKey = 256

// Buckets is a token bucket for each key. A bucket is kept as the time at which it
// will be full again: one whose time has passed is like one that was never used, so
// forgetting those loses nothing.
type Buckets struct {
	began time.Time
	token time.Duration // how long a token takes to come
	depth time.Duration // how long all of them take
	limit int           // of keys

	mu     sync.Mutex                // guards what follows
	full   map[string]*time.Duration // since began; pointers, for an assignment replaces the key
	shared time.Duration             // of the keys that found no room
	sweep  time.Duration             // when sweeping makes sense again
}

// New makes the buckets, all of them full.
func New(r Rate) *Buckets {
	r = r.WithDefaults()
	token := time.Duration(min(max(float64(time.Second)/r.PerSecond, 1), float64(longest)))
	return &Buckets{
		began: time.Now(),
		token: token,
		depth: time.Duration(min(float64(token)*float64(r.Burst), float64(longest))),
		limit: r.MaxKeys,
		full:  make(map[string]*time.Duration),
	}
}

// Take takes a token from a key's bucket. If there is none it returns how long the
// next one takes to come. A long key, as a stranger may choose it, stands for its sum.
func (b *Buckets) Take(key string) (wait time.Duration) {
	if len(key) > longKey {
		sum := sha256.Sum256([]byte(key))
		key = string(sum[:])
	}
	now := time.Since(b.began)
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.full[key]
	if at == nil && !b.room(now) {
		at = &b.shared
	}
	full := now + b.token
	if at != nil {
		full = max(*at, now) + b.token
	}
	if wait := full - now - b.depth; wait > 0 {
		return wait
	}
	if at == nil {
		at = new(time.Duration)
		b.full[strings.Clone(key)] = at // it may be part of something large
	}
	*at = full
	return 0
}

// room makes room for one more key, if it can. b.mu is held.
func (b *Buckets) room(now time.Duration) bool {
	if len(b.full) < b.limit {
		return true
	}
	if now < b.sweep {
		return false
	}
	b.sweep = now + min(b.depth, time.Second)
	for key, full := range b.full {
		if *full <= now {
			delete(b.full, key)
		}
	}
	return len(b.full) < b.limit
}
