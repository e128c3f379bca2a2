// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// board is memory that the harness shares with its servers, through a file: what a
// server notes there is not lost when it is killed, and what the harness notes there a
// server knows at once, however it is doing.
type board struct {
	slots    *[maxServers]slot
	executed []atomic.Uint32 // how often each call was, by its id
}

// maxServers bounds a cluster, and maxCalls what is noted of one run.
const (
	maxServers = 8
	maxCalls   = 1 << 20
)

// slot is what concerns one server, whichever process it is.
type slot struct {
	arrived  atomic.Uint64 // calls, refused ones included
	executed atomic.Uint64
	delay    atomic.Int64  // of a handler, in nanoseconds
	burn     atomic.Int64  // what a handler computes, in nanoseconds
	refuses  atomic.Uint32 // 1: all calls
	hangsUp  atomic.Uint32 // 1: on whoever is or gets connected
	_        [24]byte      // a cache line of its own
}

const (
	slotBytes  = int(unsafe.Sizeof(slot{}))
	boardBytes = maxServers*slotBytes + maxCalls*4
)

// newBoard makes a board in a new file, of the given name.
func newBoard(name string) (*board, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(int64(boardBytes)), f.Close()); err != nil {
		return nil, err
	}
	return openBoard(name)
}

// openBoard opens the board that is in a file. It is mapped for as long as the process
// lives: a handler that nobody waits for any more may still use it.
func openBoard(name string) (*board, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	memory, err := syscall.Mmap(int(f.Fd()), 0, boardBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", name, err)
	}
	start := unsafe.Pointer(unsafe.SliceData(memory)) // of a page, and so aligned
	return &board{
		slots:    (*[maxServers]slot)(start),
		executed: unsafe.Slice((*atomic.Uint32)(unsafe.Add(start, maxServers*slotBytes)), maxCalls),
	}, nil
}

// execute notes that a server executes a call.
func (b *board) execute(server int, id uint64) {
	b.slots[server].executed.Add(1)
	if id < maxCalls {
		b.executed[id].Add(1)
	}
}

// arrive notes that a call has reached a server and reports whether it is to be refused.
func (b *board) arrive(server int) (refused bool) {
	b.slots[server].arrived.Add(1)
	return b.slots[server].refuses.Load() == 1
}
