// SPDX-License-Identifier: Apache-2.0

// Package outbox is the sending half of a connection: frames from many goroutines
// go out in few writes.
//
// Whoever adds a frame while nobody is writing becomes the writer for everybody
// (the leader of a group commit): it writes what is queued, again and again, until
// the queue is empty. The others only append and leave. When more traffic is
// likely, the leader first yields the processor once, so that goroutines that are
// ready to add their frames get to do so: with N callers one write carries many
// frames; with one caller nothing is added to its path. No goroutine and no timer
// belongs to an idle outbox.
//
// The queue is bounded in bytes. Adding to a full one waits for room.
package outbox

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
)

const (
	// segment is the size of the buffers that small frames are gathered in.
	segment = 32 << 10
	// direct is the length from which a frame is queued as it is, not copied.
	direct = 16 << 10
	// burst is how many bytes are handed to the connection under one deadline. It
	// lets a slow but moving peer take a large reply.
	burst = 256 << 10
	// rounds is how often a caller writes for the others before it hands the work
	// to a goroutine and goes its own way.
	rounds = 16
	// patience is how long it waits for the peer to take a write before that.
	patience = 50 * time.Millisecond
)

// ErrClosed is the error of an outbox that was closed without another reason.
var ErrClosed = errors.New("connection is closed")

// Outbox gathers the frames for one connection and writes them.
type Outbox struct {
	conn      net.Conn
	resumable bool          // a write that timed out may be continued
	timeout   time.Duration // for the peer to take a burst
	limit     int           // pending bytes at which Add waits
	made      time.Time
	sizes     bufpool.Hint // of what is added

	handovers sync.WaitGroup // goroutines that took the writing over

	mu       sync.Mutex // guards what follows
	queue    []*bufpool.Buffer
	spare    []*bufpool.Buffer // the queue's other array
	queued   int               // bytes in queue
	added    int64             // bytes ever queued
	handed   int64             // bytes ever handed to conn.Write
	written  int64             // bytes that conn.Write took, of batches that it took whole
	begun    int64             // bytes that it took of the batch after those
	writing  bool              // somebody is the leader
	err      error             // set once: nothing is written any more
	progress chan struct{}     // closed at the next progress; nil: nobody waits

	deadline time.Duration // of writes, since the outbox was made; the leader's
	vector   [][]byte      // the leader's
	buffers  net.Buffers   // the leader's; here so that it does not escape per write
}

// New returns an outbox that writes to conn. A burst of 256 KiB, or the rest if it
// is less, must be taken by the peer within timeout, or the outbox fails and closes
// the connection. limit is the number of queued bytes at which Add begins to wait.
func New(conn net.Conn, timeout time.Duration, limit int) *Outbox {
	return &Outbox{conn: conn, resumable: resumable(conn), timeout: timeout, limit: limit, made: time.Now()}
}

// resumable reports whether a write to conn that timed out has written exactly what it
// says and may be continued.
func resumable(conn net.Conn) bool {
	switch c := conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	case interface{ WriteResumable() bool }:
		return c.WriteResumable()
	default:
		return false
	}
}

// Buffer returns an empty buffer for something to add, as large as what was added of
// late, and with room for n bytes at least.
func (o *Outbox) Buffer(n int) *bufpool.Buffer { return o.sizes.Get(n) }

// Add queues the frames in b, which the outbox owns from then on, and sees to it
// that they are written. It returns their position in the stream, for Sent and
// Wait. With gather set the caller knows that more frames are likely to follow at
// once. It waits for room as long as ctx lets it; then, and after a failure,
// nothing of b is queued.
func (o *Outbox) Add(ctx context.Context, b *bufpool.Buffer, gather bool) (int64, error) {
	o.mu.Lock()
	for o.err == nil && o.pending() >= o.limit {
		if err := o.await(ctx); err != nil { // unlocks while it waits
			o.mu.Unlock()
			b.Free()
			return 0, err
		}
	}
	if o.err != nil {
		err := o.err
		o.mu.Unlock()
		b.Free()
		return 0, err
	}
	pos := o.added
	o.append(b, gather || o.writing)
	if o.writing {
		o.mu.Unlock()
		return pos, nil
	}
	o.writing = true
	if gather {
		o.mu.Unlock()
		runtime.Gosched()
		o.mu.Lock()
	}
	if !o.resumable && mayEnd(ctx) && o.err == nil {
		o.handOver() // the caller would not get its goroutine back before the write ends
		return pos, nil
	}
	o.lead(rounds)
	return pos, nil
}

// mayEnd reports whether ctx can end. The deadline is asked for first: to make a channel
// may cost.
func mayEnd(ctx context.Context) bool {
	_, limited := ctx.Deadline()
	return limited || ctx.Done() != nil
}

// append puts b at the end of the queue. o.mu is held.
func (o *Outbox) append(b *bufpool.Buffer, more bool) {
	n := len(b.B)
	o.sizes.Note(n)
	o.queued += n
	o.added += int64(n)
	if n >= direct {
		o.queue = append(o.queue, b)
		return
	}
	var tail *bufpool.Buffer
	if len(o.queue) > 0 {
		tail = o.queue[len(o.queue)-1]
	}
	switch {
	case tail != nil && cap(tail.B)-len(tail.B) >= n:
		tail.B = append(tail.B, b.B...)
		b.Free()
	case more:
		tail = bufpool.Get(segment)
		tail.B = append(tail.B, b.B...)
		b.Free()
		o.queue = append(o.queue, tail)
	default:
		o.queue = append(o.queue, b)
	}
}

// lead writes until the queue is empty. A caller that leads does so for a number of
// rounds at most, and stops when the peer does not take a write soon: it has a context
// of its own to heed. A goroutine then goes on. o.mu is held on entry and not on
// return.
func (o *Outbox) lead(most int) {
	timeout := o.timeout
	if most > 0 && o.resumable {
		timeout = min(timeout, patience)
	}
	for round := 0; o.err == nil && len(o.queue) > 0; round++ {
		if round == most {
			o.handOver()
			return
		}
		batch := o.queue
		o.queue, o.spare = o.spare[:0], nil
		o.handed = o.added
		n := o.queued
		o.queued = 0
		o.wake() // there is room, also when this batch was put back before
		o.mu.Unlock()

		done, err := o.write(batch, timeout)
		o.mu.Lock()
		if timeout < o.timeout && o.err == nil && errors.Is(err, os.ErrDeadlineExceeded) {
			o.putBack(batch, done, n-done)
			o.handOver()
			return
		}
		for i, b := range batch {
			b.Free()
			batch[i] = nil
		}
		o.spare = batch
		if err != nil {
			o.fail(err)
			continue
		}
		o.written += o.begun + int64(n)
		o.begun = 0
		o.wake()
	}
	o.writing = false
	failed := o.err != nil
	o.wake()
	o.mu.Unlock()
	if failed {
		_ = o.conn.Close() // wakes the reader; the reason is o.err
	}
}

// handOver lets a goroutine lead. o.mu is held on entry and not on return.
func (o *Outbox) handOver() {
	o.handovers.Go(func() {
		o.mu.Lock()
		o.lead(-1)
	})
	o.mu.Unlock()
}

// putBack puts what is left of a batch, of which done bytes were written, in front of
// the queue. o.mu is held.
func (o *Outbox) putBack(batch []*bufpool.Buffer, done, left int) {
	o.begun += int64(done)
	for len(batch) > 0 && done >= len(batch[0].B) {
		done -= len(batch[0].B)
		batch[0].Free()
		batch = batch[1:]
	}
	if len(batch) > 0 {
		batch[0].B = batch[0].B[done:]
	}
	o.queue = append(batch[:len(batch):len(batch)], o.queue...)
	o.queued += left
}

// write hands the buffers to the connection, a burst at a time, and returns how many
// bytes it took.
func (o *Outbox) write(batch []*bufpool.Buffer, timeout time.Duration) (done int, err error) {
	for i := 0; i < len(batch); {
		if len(batch) == 1 || len(batch[i].B) >= burst {
			n, err := o.writeOne(batch[i].B, timeout)
			done += n
			if err != nil {
				return done, err
			}
			i++
			continue
		}
		n := 0
		o.vector = o.vector[:0]
		for i < len(batch) && (n == 0 || n+len(batch[i].B) <= burst) {
			o.vector = append(o.vector, batch[i].B)
			n += len(batch[i].B)
			i++
		}
		if err := o.extend(timeout); err != nil {
			return done, err
		}
		o.buffers = net.Buffers(o.vector)
		sent, err := o.buffers.WriteTo(o.conn)
		clear(o.vector)
		done += int(sent)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// writeOne writes one buffer. Where a write that timed out may be continued, one call
// takes it all, and a peer that has taken a burst meanwhile gets the time once more.
func (o *Outbox) writeOne(b []byte, timeout time.Duration) (done int, err error) {
	most := burst
	if o.resumable {
		most = len(b)
	}
	for done < len(b) {
		if err := o.extend(timeout); err != nil {
			return done, err
		}
		n, err := o.conn.Write(b[done:min(len(b), done+most)])
		done += n
		if n >= burst && o.resumable && timeout > patience && errors.Is(err, os.ErrDeadlineExceeded) {
			continue // a caller that writes for others does not wait for more
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// extend gives the next burst at least three quarters of the timeout; a quarter will do
// for patience. Setting a deadline costs more than looking at the clock, so it is not
// done every time.
func (o *Outbox) extend(timeout time.Duration) error {
	least := timeout * 3 / 4
	if timeout <= patience {
		least = timeout / 4
	}
	now := time.Since(o.made) // costs half of time.Now
	if left := o.deadline - now; left > least && left <= timeout {
		return nil
	}
	o.deadline = now + timeout
	return o.conn.SetWriteDeadline(o.made.Add(o.deadline))
}

// await waits for progress. o.mu is held on entry and on return.
func (o *Outbox) await(ctx context.Context) error {
	if o.progress == nil {
		o.progress = make(chan struct{})
	}
	progress := o.progress
	o.mu.Unlock()
	defer o.mu.Lock()
	select {
	case <-progress:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wake lets everybody in await look again. o.mu is held.
func (o *Outbox) wake() {
	if o.progress != nil {
		close(o.progress)
		o.progress = nil
	}
}

// fail ends the outbox; the caller then closes the connection. o.mu is held.
func (o *Outbox) fail(err error) {
	if o.err != nil {
		return
	}
	o.err = err
	for _, b := range o.queue {
		b.Free()
	}
	o.queue, o.queued = nil, 0
	o.wake()
}

// Wait waits until everything queued before position pos, and the byte there, was
// taken by the connection.
func (o *Outbox) Wait(ctx context.Context, pos int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.written <= pos {
		if o.err != nil {
			return o.err
		}
		if err := o.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Flush waits until everything that was added has been written.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	pos := o.added - 1
	o.mu.Unlock()
	return o.Wait(ctx, pos)
}

// Sent reports whether any byte at or after position pos may have reached the
// connection. Once the outbox has failed the answer does not change.
func (o *Outbox) Sent(pos int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handed > pos
}

// Written returns how many bytes the connection has taken.
func (o *Outbox) Written() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written + o.begun
}

// Pending returns the number of bytes that wait to be written.
func (o *Outbox) Pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pending()
}

// pending is Pending while o.mu is held.
func (o *Outbox) pending() int { return int(o.added - o.written - o.begun) }

// Close ends the outbox: what is queued is dropped and the connection closed. It
// returns when nobody writes for others any more. The reason is what Add returns
// from then on; nil means ErrClosed. The first call decides.
func (o *Outbox) Close(reason error) {
	if reason == nil {
		reason = ErrClosed
	}
	o.mu.Lock()
	o.fail(reason)
	o.mu.Unlock()
	_ = o.conn.Close()
	o.handovers.Wait()
}

// Err returns why the outbox ended, nil while it works.
func (o *Outbox) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
