// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"hash/maphash"
	"time"
)

const (
	absentFor = 3 * time.Second // how long the registry is not asked again
	maxAbsent = 10_000          // names; the oldest makes room
)

// absent remembers the names that the registry did not know, for a while. Strangers choose
// them, so it remembers hashes, whose length they do not choose.
type absent struct {
	seed  maphash.Seed
	until map[uint64]time.Time
	queue []uint64 // of until, oldest first
}

func newAbsent() absent {
	return absent{seed: maphash.MakeSeed(), until: make(map[uint64]time.Time)}
}

// has reports whether a name is remembered.
func (a *absent) has(name string) bool {
	until, ok := a.until[maphash.String(a.seed, name)]
	return ok && time.Now().Before(until)
}

// add remembers a name that is not.
func (a *absent) add(name string) {
	now := time.Now()
	for len(a.queue) > 0 && (len(a.queue) >= maxAbsent || !now.Before(a.until[a.queue[0]])) {
		delete(a.until, a.queue[0])
		a.queue = a.queue[1:]
	}
	h := maphash.String(a.seed, name)
	a.until[h] = now.Add(absentFor)
	a.queue = append(a.queue, h)
}
