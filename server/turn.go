// SPDX-License-Identifier: Apache-2.0

package server

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// A connection is read by one goroutine at a time: the one that has the turn. It
// decodes a request, runs its handler and appends the reply to a batch, over and
// over, and sends the batch before it waits for the peer. So a hundred requests
// that arrive together cost one read, one write, no other goroutine and no copy of
// a stack.
//
// A handler that blocks would block everybody behind it. Therefore the holder says
// when it enters code that is not ours and when it has left it, in one word of
// memory. The monitor, which looks at that word every few milliseconds, takes the
// turn away from a goroutine that stays inside: it makes a new turn for another
// goroutine, which goes on reading with a copy of what was read but not decoded.
// The old one learns of it when it leaves, sends its one reply by itself and ends.
//
// What lies in a turn belongs to its goroutine even after the turn was taken away;
// the monitor and the new holder only read the parts that do not change any more.

// smallBatch is the buffer that a reply begins with, and batch the one that the replies
// to several requests begin with.
const (
	smallBatch = 1 << 10
	batch      = 32 << 10
)

// batchLimit is the length at which a batch is sent though requests are waiting.
const batchLimit = 64 << 10

// sampling is how often a call is timed: one of so many of a connection, on average. There is no
// rule in it that calls which come by turns could follow.
const sampling = 8

// taken is the state of a turn that was taken away.
const taken = math.MaxUint64

// turn is the right to read a connection, and what comes with it.
type turn struct {
	conn *Conn
	in   *protocol.Reader
	out  *bufpool.Buffer // replies that are not sent yet
	none bufpool.Buffer  // what out is while there are none and the peer is quiet

	// state is even while the holder is in our code and odd while it is in the user's.
	// It changes with every call, or is taken.
	state   atomic.Uint64
	before  []byte   // what out held on entering the user's code
	current *inbound // the call that is served in there
	untimed int      // so many calls will not be timed
}

func newTurn(c *Conn, in *protocol.Reader) *turn {
	t := &turn{conn: c, in: in}
	t.out = &t.none
	return t
}

// read reads and serves until the connection ends or the turn is taken away.
func (t *turn) read() {
	orderly := false
	defer func() {
		if !orderly {
			t.abort()
		}
	}()
	more := t.in.Buffered()
	for {
		if !more || len(t.out.B) >= batchLimit {
			t.send()
		}
		if len(t.out.B) == 0 && (cap(t.out.B) > 2*batch || !more) {
			t.out.Free() // was for a reply that was not wanted, or not yet
			t.out = &t.none
		}
		f, err := t.in.Next()
		if err != nil {
			orderly = true
			t.send() // what was answered before the fault
			t.conn.stopReading(err)
			return
		}
		more = t.in.Buffered()
		t.begin(more)
		if !t.serve(f) {
			orderly = true
			return
		}
	}
}

// abort ends the connection when a handler has ended the goroutine, as runtime.Goexit
// does.
func (t *turn) abort() {
	if t.current == nil {
		t.conn.stopReading(errGoexit)
		return
	}
	t.current.vanish(errGoexit)
	if !t.leave() {
		t.conn.shut(errGoexit)
		t.conn.release(t.current)
		return
	}
	t.send() // what was answered before
	t.conn.stopReading(errGoexit)
}

// send sends the batch. An error shows when the connection is read next.
func (t *turn) send() {
	if len(t.out.B) == 0 {
		return
	}
	full := t.out
	t.out = &t.none
	_ = t.conn.send(full, false)
}

// begin readies the batch for the reply to a frame that has come, and for more if others
// have come with it: growing step by step costs more.
func (t *turn) begin(more bool) {
	n := smallBatch
	if more {
		n = batch
	}
	if len(t.out.B) == 0 && cap(t.out.B) < n {
		t.out.Free()
		t.out = bufpool.Get(n)
	}
}

// makeRoom readies the batch for a reply of a usual size: a large one would leave the
// batch's memory behind, and copy what is in it.
func (t *turn) makeRoom(usual *bufpool.Hint) {
	n := usual.Size()
	if n >= batch/2 && cap(t.out.B)-len(t.out.B) < n {
		t.send()
	}
	if len(t.out.B) == 0 && cap(t.out.B) < n {
		t.out.Free()
		t.out = usual.Get(n)
	}
}

// serve serves one frame. It reports false if the turn was taken away meanwhile;
// then the call has been answered all the same.
func (t *turn) serve(f *protocol.Frame) bool {
	c := t.conn
	switch {
	case f.Type == protocol.Response:
		c.server.stats.strayResponses.Add(1) // never executed
		return true
	case c.halted.Load():
		return true // shut down: whoever sent it knows that it was not executed
	case f.Heartbeat:
		return t.heartbeat(f)
	case f.Oneway && string(f.Service) == controlService:
		c.control(f)
		return true
	}
	return t.serveCall(f)
}

func (t *turn) serveCall(f *protocol.Frame) bool {
	s := t.conn.server
	in := t.conn.receive(f)
	if err := s.rate.charge(in); err != nil {
		t.refuse(in, err)
		return true
	}
	if in.method != nil && !in.method.inline(&s.monitor) {
		if err := in.enter(); err != nil {
			t.refuse(in, err)
			return true
		}
		in.keepPayload(f, t.in)
		t.handOver(in)
		return true
	}
	if in.method != nil {
		t.makeRoom(&in.method.replies)
	}
	t.enter(in)
	t.answer(in, f.Payload)
	if t.leave() {
		t.before, t.current = nil, nil // the wait for the next call may be long
		in.recycle()
		return true
	}
	t.sendRest()
	t.conn.release(in)
	return false
}

// answer runs the call and appends its reply. Now and then it measures how long that takes.
func (t *turn) answer(in *inbound, payload []byte) {
	if in.method == nil || t.untimed > 0 && !in.method.pace.doubtful() {
		t.untimed--
		t.out.B = in.appendReply(t.out.B, in.serve(payload))
		return
	}
	t.untimed = rand.IntN(2*sampling - 1)
	began := time.Now()
	t.out.B = in.appendReply(t.out.B, in.serve(payload))
	now := time.Now()
	m, mon := in.method, &t.conn.server.monitor
	m.pace.inline(now.Sub(began), now, func() bool { return m.starved(mon) })
	in.ranLate(now)
}

// refuse answers a call that does not run, at the price of a frame.
func (t *turn) refuse(in *inbound, err error) {
	t.out.B = in.appendReply(t.out.B, t.conn.server.herald.refused(in, err))
}

// enter says that the user's code is about to run for in.
func (t *turn) enter(in *inbound) {
	t.before, t.current = t.out.B, in
	t.state.Add(1)
	if !t.conn.watched.Load() {
		t.conn.server.monitor.watch(t.conn)
	}
}

// leave says that it has returned, and reports whether the turn is still there.
func (t *turn) leave() bool {
	s := t.state.Load()
	return s != taken && t.state.CompareAndSwap(s, s+1)
}

// sendRest sends what was added to the batch since the turn was taken away: the
// part before is sent by the new holder, so the buffer cannot be reused.
func (t *turn) sendRest() {
	if rest := t.out.B[len(t.before):]; len(rest) > 0 {
		b := bufpool.Get(len(rest))
		b.B = append(b.B, rest...)
		_ = t.conn.send(b, true)
	}
}

// takeAway takes the turn from a holder that has been inside since state was seen
// and returns a new one; nil when the holder has moved on. The monitor calls it.
func (t *turn) takeAway(state uint64) *turn {
	if !t.state.CompareAndSwap(state, taken) {
		return nil
	}
	n := newTurn(t.conn, t.in.Split())
	n.begin(n.in.Buffered())
	n.out.B = append(n.out.B, t.before...)
	t.conn.turn.Store(n)
	return n
}

// inside reports whether the holder is in the user's code, and the state that says so.
func (t *turn) inside() (uint64, bool) {
	s := t.state.Load()
	return s, s != taken && s%2 == 1
}

// handOver gives a call to the pool, at once or when fewer run. When too many wait the
// connection is not read, and so its peer has to wait; unless the server is overloaded.
func (t *turn) handOver(in *inbound) {
	c := t.conn
	for {
		switch c.calls.admit(in) {
		case started:
			if !c.server.workers.run(in) {
				in.dropPayload()
				t.refuse(in, errOverloaded)
				c.untrack(in)
			}
			return
		case queued:
			return
		case full:
			if in.method.crowded() { // somebody waits for a quick refusal
				in.dropPayload()
				t.refuse(in, errLimited)
				return
			}
		}
		t.send()
		t.begin(t.in.Buffered())
		c.calls.waitRoom(c.dying)
		select {
		case <-c.dying:
			t.out.B = in.appendReply(t.out.B, errConnClosed) // nobody waits for it
			return
		default:
		}
	}
}
