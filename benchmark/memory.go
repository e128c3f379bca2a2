// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// memory is what a process holds after its garbage was collected.
type memory struct {
	Heap    uint64 `json:"heap"`   // bytes of spans in use
	Stacks  uint64 `json:"stacks"` // bytes of goroutines' stacks
	RSS     uint64 `json:"rss"`    // bytes as the kernel sees them; 0: unknown
	Sockets int    `json:"sockets"`
}

// collections is how many collections make a process settle: the first two empty pools,
// and each halves stacks that are too large. A process that is idle for minutes gets
// there by itself.
const collections = 6

// settledMemory collects garbage and returns what is left.
func settledMemory() memory {
	for range collections {
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{Heap: m.HeapInuse, Stacks: m.StackInuse, RSS: residentMemory(), Sockets: openSockets()}
}

// openSockets counts the sockets of this process; 0 where there is no /proc.
func openSockets() int {
	const folder = "/proc/self/fd/"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		if target, err := os.Readlink(folder + e.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// perConn is the memory, in bytes, that each of a number of connections costs.
type perConn struct {
	Heap   float64 `json:"heap"`
	Stacks float64 `json:"stacks"`
	RSS    float64 `json:"rss"`
}

// total returns what the program itself holds.
func (p perConn) total() float64 { return p.Heap + p.Stacks }

// since returns what each of conns connections that were opened since before costs.
func (m memory) since(before memory, conns int) perConn {
	per := func(now, then uint64) float64 { return (float64(now) - float64(then)) / float64(conns) }
	return perConn{
		Heap:   per(m.Heap, before.Heap),
		Stacks: per(m.Stacks, before.Stacks),
		RSS:    per(m.RSS, before.RSS),
	}
}
