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
	done  chan struct{} // holds one: completed
	whole atomic.Bool   // likewise
	home  *table        // where free puts it

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

// answered reports whether a call that is complete has a reply.
func (p *pending) answered() bool { return p.err == nil && !p.late }

// free gives the object back. It must be out of the table, and its completion, if
// any, received.
func (p *pending) free() {
	p.discard()
	seq := p.seq
	*p = pending{done: p.done, home: p.home}
	p.home.reuse(p, seq)
}

// complete hands the result to the caller. The pending must be out of the table.
func (p *pending) complete() {
	p.whole.Store(true)
	p.done <- struct{}{}
}

const (
	// shards is how many parts the table has. Each has a map that stays, so more of them make
	// idle connections heavier; 16 were measured to be no quicker.
	shards = 4
	// run is how many sequence ids, which are given out in turn, go to a part before the next
	// one: a connection that has one call at a time touches the memory of one. Calls that are
	// made at the same time meet there, as they do at the outbox.
	run = 16
)

// shard is a part of the table. A connection with few callers touches as little memory
// as possible: one call is in no map, and one is kept for reuse at hand.
type shard struct {
	mu     sync.Mutex // guards what follows
	single *pending
	calls  map[uint64]*pending // all others
	spare  *pending
	closed bool
}

// shard returns the part for a sequence id.
func (t *table) shard(seq uint64) *shard { return &t.shards[seq/run%shards] }

// put notes a call. s.mu is held.
func (s *shard) put(p *pending) {
	if s.single == nil {
		s.single = p
		return
	}
	if s.calls == nil {
		s.calls = make(map[uint64]*pending)
	}
	s.calls[p.seq] = p
}

// take takes a call out; nil if it is not there. s.mu is held.
func (s *shard) take(seq uint64) *pending {
	if p := s.single; p != nil && p.seq == seq {
		s.single = nil
		return p
	}
	p := s.calls[seq]
	if p != nil {
		delete(s.calls, seq)
	}
	return p
}

// all yields the calls. s.mu is held; those that were yielded may be taken out.
func (s *shard) all(yield func(*pending) bool) {
	if s.single != nil && !yield(s.single) {
		return
	}
	for _, p := range s.calls {
		if !yield(p) {
			return
		}
	}
}

// table ties sequence ids to waiting calls.
type table struct {
	// spare holds pendings for reuse. It is the connection's own, and not the package's,
	// because they hold channels: those of a synctest bubble must not get into another.
	spare  sync.Pool
	next   atomic.Uint64 // sequence id
	size   atomic.Int64
	shards [shards]shard
}

// nextSeq gives out a sequence id. The first is 0, as in rpcx.
func (t *table) nextSeq() uint64 { return t.next.Add(1) - 1 }

// add puts a call in under a sequence id. It returns nil once the table is closed. What
// it returns is given back with free.
func (t *table) add(seq uint64, due time.Duration) *pending {
	s := t.shard(seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	p := s.spare
	s.spare = nil
	if p == nil {
		p = t.newPending()
	}
	p.seq, p.due = seq, due
	s.put(p)
	t.size.Add(1)
	return p
}

func (t *table) newPending() *pending {
	if p, ok := t.spare.Get().(*pending); ok {
		return p
	}
	return &pending{done: make(chan struct{}, 1), home: t}
}

// reuse keeps an empty pending that had the given sequence id.
func (t *table) reuse(p *pending, seq uint64) {
	s := t.shard(seq)
	s.mu.Lock()
	if s.spare == nil {
		s.spare, p = p, nil
	}
	s.mu.Unlock()
	if p != nil {
		t.spare.Put(p)
	}
}

// take takes the call with the given id out; nil if it is not there.
func (t *table) take(seq uint64) *pending {
	s := t.shard(seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.take(seq)
	if p != nil {
		t.size.Add(-1)
	}
	return p
}

// close refuses further calls and completes those that are in it with err.
func (t *table) close(err error) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.closed = true
		for p := range s.all {
			p.err = err
			s.take(p.seq)
			t.size.Add(-1)
			p.complete()
		}
		s.mu.Unlock()
	}
}

// expire completes the calls whose time is up. It returns how many those are and when
// that of the next one is; never if there is none.
func (t *table) expire(now time.Duration) (expired int, next time.Duration) {
	next = never
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for p := range s.all {
			switch {
			case p.due == 0:
			case p.due > now:
				next = min(next, p.due)
			default:
				p.late = true
				s.take(p.seq)
				t.size.Add(-1)
				p.complete()
				expired++
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
