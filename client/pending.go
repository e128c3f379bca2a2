// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// pending is a call that waits for its reply. Whoever takes it out of the table owns
// it: the reader, to complete it; the caller, to give it up; or the end of the
// connection. So nobody can touch it when it is used for another call.
type pending struct {
	done chan struct{} // holds one: completed
	home *sync.Pool    // where free puts it

	seq  uint64
	due  time.Duration // when its time is up, for expiry; 0: that is the caller's affair
	late bool          // its time was up
	pos  int64         // of the request in the outbox; the caller's

	// The reply, or err.
	head    protocol.Header
	meta    rpcx.Metadata
	payload []byte
	copied  *bufpool.Buffer // that payload lies in; nil: in the memory of its frame
	release func()          // of that
	err     error
}

// keep takes the payload of the frame that in has just read. A large one is taken with
// its memory, others are copied.
func (p *pending) keep(payload []byte, in *protocol.Reader) {
	if p.release = in.Detach(); p.release != nil {
		p.payload = payload
		return
	}
	b := bufpool.Get(len(payload))
	b.B = append(b.B, payload...)
	p.replace(b)
}

// replace makes what is in b the payload.
func (p *pending) replace(b *bufpool.Buffer) {
	p.discard()
	p.payload, p.copied = b.B, b
}

// discard gives the memory of the payload back.
func (p *pending) discard() {
	if p.copied != nil {
		p.copied.Free()
	}
	if p.release != nil {
		p.release()
	}
	p.payload, p.copied, p.release = nil, nil, nil
}

// free gives the object back. It must be out of the table, and its completion, if
// any, received.
func (p *pending) free() {
	p.discard()
	*p = pending{done: p.done, home: p.home}
	p.home.Put(p)
}

// complete hands the result to the caller. The pending must be out of the table.
func (p *pending) complete() { p.done <- struct{}{} }

// shards is how many parts the table has. Sequence ids are given out in turn, so
// neighbours land in different parts. Each has a map that stays, so more of them make
// idle connections heavier; 16 were measured to be no quicker.
const shards = 4

// table ties sequence ids to waiting calls.
type table struct {
	// spare holds pendings for reuse. It is the connection's own, and not the package's,
	// because they hold channels: those of a synctest bubble must not get into another.
	spare  sync.Pool
	next   atomic.Uint64 // sequence id
	size   atomic.Int64
	shards [shards]struct {
		mu     sync.Mutex // guards what follows
		calls  map[uint64]*pending
		closed bool
	}
}

// nextSeq gives out a sequence id. The first is 0, as in rpcx.
func (t *table) nextSeq() uint64 { return t.next.Add(1) - 1 }

// add puts a call in under a sequence id. It returns nil once the table is closed. What
// it returns is given back with free.
func (t *table) add(seq uint64, due time.Duration) *pending {
	p, ok := t.spare.Get().(*pending)
	if !ok {
		p = &pending{done: make(chan struct{}, 1), home: &t.spare}
	}
	p.seq, p.due = seq, due
	s := &t.shards[seq%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		p.free()
		return nil
	}
	if s.calls == nil {
		s.calls = make(map[uint64]*pending)
	}
	s.calls[seq] = p
	t.size.Add(1)
	return p
}

// take takes the call with the given id out; nil if it is not there.
func (t *table) take(seq uint64) *pending {
	s := &t.shards[seq%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.calls[seq]
	if p != nil {
		delete(s.calls, seq)
		t.size.Add(-1)
	}
	return p
}

// close refuses further calls and completes those that are in it with err.
func (t *table) close(err error) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		calls := s.calls
		s.calls, s.closed = nil, true
		s.mu.Unlock()
		t.size.Add(-int64(len(calls)))
		for _, p := range calls {
			p.err = err
			p.complete()
		}
	}
}

// expire completes the calls whose time is up. It returns how many those are and when
// that of the next one is; never if there is none.
func (t *table) expire(now time.Duration) (expired int, next time.Duration) {
	next = never
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for seq, p := range s.calls {
			switch {
			case p.due == 0:
			case p.due > now:
				next = min(next, p.due)
			default:
				delete(s.calls, seq)
				t.size.Add(-1)
				expired++
				p.late = true
				p.complete()
			}
		}
		s.mu.Unlock()
	}
	return expired, next
}

// hold counts a call that is not in the table, until release.
func (t *table) hold() { t.size.Add(1) }

func (t *table) release() { t.size.Add(-1) }

// len returns how many calls wait.
func (t *table) len() int { return int(t.size.Load()) }
