// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/callctx"
	"github.com/rpcx-go/rpcx/internal/deadline"
	"github.com/rpcx-go/rpcx/protocol"
)

// inbound is one call being served, and its handler's context: one allocation, and neither
// channel nor timer unless the handler asks for Done.
type inbound struct {
	deadline.Context

	conn     *Conn
	meta     rpcx.Metadata // of the request, all of it
	identity string        // who makes it, as authentication found
	*job                   // nil once the call is over and its job is another's

	mu       sync.Mutex // guards what follows
	reply    []byte     // encoded pairs of reply metadata
	returned bool       // the handler has returned
}

// job is the part of a call that neither its handler nor an observer sees, so that it can be
// used again though they may keep their contexts. Interceptors see more.
type job struct {
	method  *method         // nil: there is none of that name
	service bool            // there is a service of that name
	head    protocol.Header // of the request
	call    rpcx.Call

	budget  time.Duration // how much time it had when it arrived, if it has a deadline
	entered time.Duration // when enter let it in, since the server was made; 0: it did not
	waited  uint32        // µs from then until it ran

	requestBytes, replyBytes int
	payload                  []byte // of a call that the reader does not serve
	release                  func() // gives its memory back

	observed  *observation // nil: nobody observes
	abandoned atomic.Bool  // the caller gave it up and wants no reply
	handled   bool         // the handler has returned by itself
	released  bool         // guarded by conn.calls.mu: no longer running
	behind    bool         // it waited in the socket
	expired   bool         // it waited too long to be run
}

// newInbound returns an empty call.
func (s *Server) newInbound(c *Conn) *inbound {
	if !s.private {
		return newWhole(c)
	}
	j, ok := s.jobs.Get().(*job)
	if !ok {
		j = new(job) // apart, so that a context that is kept does not keep it
	}
	return &inbound{conn: c, job: j}
}

// newWhole returns an empty call with its job, which takes one allocation.
func newWhole(c *Conn) *inbound {
	both := new(struct {
		inbound
		job
	})
	both.inbound.conn, both.inbound.job = c, &both.job
	return &both.inbound
}

// recycle keeps the job of a call for another one. The call has been answered, and nobody
// in the server knows of it any more.
func (in *inbound) recycle() {
	s := in.conn.server
	if !s.private {
		return
	}
	j := in.job
	in.job = nil
	*j = job{}
	s.jobs.Put(j)
}

// keepPayload keeps the payload of the frame that r returned last, for a call that is
// served when r has gone on: a large one as it lies there, others as a copy.
func (in *inbound) keepPayload(f *protocol.Frame, r *protocol.Reader) {
	in.payload, in.release = f.Payload, r.Detach()
	if in.release == nil {
		b := bufpool.Get(len(f.Payload))
		b.B = append(b.B, f.Payload...)
		in.payload, in.release = b.B, b.Free
	}
}

// dropPayload gives back what keepPayload kept, if it did.
func (in *inbound) dropPayload() {
	if in.release != nil {
		in.release()
		in.payload, in.release = nil, nil
	}
}

// size is how much memory the request holds.
func (in *inbound) size() int { return in.meta.Size() + in.requestBytes }

// The callctx.Key value: what package rpcx asks a handler's context for.

// Peer returns who made the call.
func (in *inbound) Peer() rpcx.Peer { return in.conn.peer }

// Metadata returns what came with the call.
func (in *inbound) Metadata() rpcx.Metadata { return in.meta }

// Identity returns who makes the call, "" if that is not known.
func (in *inbound) Identity() string { return in.identity }

// SetIdentity says who makes the call. It is for authentication, before anybody can ask.
func (in *inbound) SetIdentity(identity string) { in.identity = identity }

// SetReplyMetadata adds a pair to what goes back.
func (in *inbound) SetReplyMetadata(key, value string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.returned {
		return rpcx.Errorf(rpcx.FailedPrecondition, "reply metadata %q set after the handler returned", key)
	}
	if limit := in.conn.server.config.limits.Metadata; len(in.reply)+len(key)+len(value)+8 > limit {
		return rpcx.Errorf(rpcx.ResourceExhausted, "reply metadata %q makes more than %d bytes in all", key, limit)
	}
	in.reply = protocol.AppendPair(in.reply, key, value)
	return nil
}

// Value implements context.Context.
func (in *inbound) Value(key any) any {
	if _, ok := key.(callctx.Key); ok {
		return in
	}
	if in.conn.outside != nil {
		return in.conn.value(key)
	}
	if _, ok := key.(connKey); ok {
		return in.conn
	}
	return in.conn.server.config.base.Value(key)
}

// cancel ends the call if it has the given sequence id. Nobody wants its reply.
func (in *inbound) cancel(seq uint64) {
	if in.head.Seq == seq {
		in.abandoned.Store(true)
		in.End(context.Canceled)
	}
}

// finish takes the reply metadata and closes it for good.
func (in *inbound) finish() []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.returned = true
	return in.reply
}
