// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// A connection is read by one goroutine at a time: the one that has the role. What it
// reads it gives to those who wait, each of whom decodes its own reply.
//
// The role belongs to a goroutine of the connection's own while several calls are under
// way: replies then come in batches, and one read serves many callers. For a caller that
// is alone the detour by that goroutine would be the largest part of the call, since
// waking somebody costs more than all the rest. So when call after call was alone, the
// goroutine gives the role up. From then on a caller that has sent its request takes the
// role and reads until its own reply is there. If others wait by then, the role goes back
// to the goroutine; if nobody does, it stays vacant for the next caller.
//
// A connection with a vacant role is not read: a server that leaves would go unnoticed.
// Therefore a caller that finds it vacant for a while looks whether something has
// arrived before it sends anything, and the goroutine takes the role back when no caller
// has had it between two ticks. A client that wants pushes never gives it up.
const (
	vacant int32 = iota
	kept         // by the connection's own goroutine
	lent         // to a caller
)

const (
	// lonely is how many calls in a row must have been alone before the role is given up.
	lonely = 8
	// vacancy is the time between the goroutine's looks at a role that it gave up.
	vacancy = 50 * time.Millisecond
	// fresh is how long after the last read a connection need not be looked at before use.
	fresh = time.Millisecond
)

// reading is the role, and what comes with it.
type reading struct {
	in     *protocol.Reader // the holder's
	holder atomic.Int32
	used   atomic.Bool   // a caller has had the role since the last tick
	left   atomic.Int64  // when a caller last left it vacant, since the connection began
	began  time.Time     // what left counts from
	resume chan struct{} // holds one: the goroutine has the role again
	stop   func()        // in.Interrupt
	own    *pending      // of the caller that has the role, until it is complete; the holder's
	alone  bool          // the last reply was to the only call; the holder's
	heard  bool          // a frame has come; the holder's
}

func (r *reading) init(in *protocol.Reader) {
	r.in = in
	r.holder.Store(kept)
	r.began = time.Now()
	r.resume = make(chan struct{}, 1)
	r.stop = in.Interrupt
}

// take takes the role if it is vacant.
func (r *reading) take() bool {
	return r.holder.Load() == vacant && r.holder.CompareAndSwap(vacant, lent)
}

// nudge makes a caller that has the role look whether it is still waited for.
func (r *reading) nudge() {
	if r.holder.Load() == lent {
		r.stop()
	}
}

// recall gives a vacant role to the goroutine.
func (r *reading) recall() {
	if r.take() {
		r.give()
	}
}

// give gives the role to the goroutine; a caller has it.
func (r *reading) give() {
	r.holder.Store(kept)
	r.resume <- struct{}{} // has room: the goroutine took the last one before it left the role
}

// read takes replies and pushes off the connection until it ends.
func (c *Conn) read() {
	defer close(c.gone)
	err := c.keepReading()
	c.drain()
	c.fail(c.lost(err))
	reason := context.Cause(c.ctx)
	c.calls.close(reason)
	c.expiry.close() // it would keep the connection in memory
	if c.owner != nil {
		c.owner.ended(c)
	}
	if o, ok := c.config.Observer.(rpcx.ConnObserver); ok {
		o.ConnClose(&rpcx.ConnInfo{Side: rpcx.ClientSide, Peer: c.peer}, reason)
	}
}

// keepReading reads whenever the goroutine has the role.
func (c *Conn) keepReading() error {
	r := &c.reading
	alone := 0
	for {
		f, err := r.in.Next()
		switch {
		case errors.Is(err, protocol.ErrInterrupted):
			continue // it was meant for a caller
		case err != nil:
			return err
		}
		c.receive(f)
		if !r.alone || c.pushes != nil {
			alone = 0
			continue
		}
		if alone++; alone >= lonely && !r.in.Buffered() && c.leaveRole() {
			alone = 0
		}
	}
}

// leaveRole gives the role up and returns when the goroutine has it again. It reports
// whether a caller has had it, or the connection was idle; otherwise the next call was
// faster, and it is worth trying again.
func (c *Conn) leaveRole() (left bool) {
	r := &c.reading
	r.used.Store(false)
	c.vacate()
	timer := time.NewTimer(vacancy)
	defer timer.Stop()
	for {
		select {
		case <-r.resume:
			return left || r.used.Load()
		case <-timer.C:
			left = true
		}
		if !r.used.Swap(false) {
			r.recall()
		}
		timer.Reset(vacancy)
	}
}

// vacate leaves the role to the next caller, unless somebody waits already.
func (c *Conn) vacate() {
	c.reading.left.Store(int64(time.Since(c.reading.began)))
	c.reading.holder.Store(vacant)
	if c.calls.len() > 0 || c.ctx.Err() != nil {
		c.reading.recall() // whoever came meanwhile found the role taken
	}
}

// readFor reads the connection, for everybody, until p is complete. It reports false if
// ctx ended first. The caller has the role, and loses it. Its own reply needs no hand-over.
func (c *Conn) readFor(ctx context.Context, p *pending) bool {
	var stop func() bool
	if p.due == 0 && ctx.Done() != nil {
		stop = context.AfterFunc(ctx, c.reading.stop)
	}
	r := &c.reading
	r.own = p
	err := c.readUntil(ctx, p)
	read := r.own == nil
	r.own = nil
	if stop != nil {
		stop()
	}
	if err != nil {
		r.give() // the goroutine gets the error as well, and ends all calls
	} else {
		c.handBack()
	}
	switch {
	case read:
		return true
	case err != nil || p.whole.Load():
		<-p.done
		return true
	default:
		return false
	}
}

// readUntil reads until p is complete, or ctx has ended. An error is the connection's end.
func (c *Conn) readUntil(ctx context.Context, p *pending) error {
	r := &c.reading
	for r.own != nil && !p.whole.Load() || r.in.Buffered() { // the reply may have come before the role
		f, err := r.in.Next()
		switch {
		case err == nil:
			c.receive(f)
		case !errors.Is(err, protocol.ErrInterrupted):
			return err
		case p.due == 0 && ctx.Err() != nil: // else it was meant for another caller
			return nil
		}
	}
	return nil
}

// handBack ends a caller's time with the role.
func (c *Conn) handBack() {
	if !c.reading.used.Load() {
		c.reading.used.Store(true)
	}
	c.vacate()
}

// look makes sure that a connection which nobody has read for a while still stands. What
// has arrived is read before the call that is about to be made: it may be the end.
func (c *Conn) look(ctx context.Context) {
	r := &c.reading
	if r.holder.Load() != vacant || time.Since(r.began)-time.Duration(r.left.Load()) < fresh || !r.take() {
		return
	}
	found := arrived(c.nc)
	if found == nothing {
		c.vacate()
		return
	}
	r.give()
	if found == ended {
		select {
		case <-c.gone:
		case <-ctx.Done():
		}
	}
}

// receive gives a frame to whom it is for.
func (c *Conn) receive(f *protocol.Frame) {
	c.reading.heard = true
	switch {
	case f.IsPush():
		c.receivePush(f)
	case f.Heartbeat && c.receiveHello(f):
	default:
		c.receiveReply(f)
	}
}
