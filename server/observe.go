// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rpcx-go/rpcx"
)

// observation is a call that an Observer was told of.
type observation struct {
	ctx   context.Context //nolint:containedctx // the handler's, as the observer wants it
	info  rpcx.CallInfo
	began time.Duration   // since the server was made
	end   rpcx.CallResult // of the call
}

// guard runs code of the user's outside of the calls, which recover by themselves. The log
// names what panicked.
func (s *Server) guard(what string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			s.notePanic(what, r)
		}
	}()
	f()
}

func (s *Server) notePanic(what string, cause any, more ...any) {
	s.stats.panics.Add(1)
	s.logger.Error("panic in code of the user's", append(more, "where", what, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))...)
}

func (in *inbound) startObserving() {
	service, method := in.registered()
	o, _ := in.conn.server.observations.Get().(*observation)
	if o == nil {
		o = new(observation)
	}
	o.began = time.Since(in.conn.server.made)
	o.info = rpcx.CallInfo{
		Side:    rpcx.ServerSide,
		Service: service,
		Method:  method,
		Oneway:  in.call.Oneway,
		Header:  in.meta,
		Peer:    in.call.Peer,
	}
	o.ctx = in.conn.server.config.observer.CallStart(in, &o.info)
	in.observed = o
}

func (in *inbound) stopObserving(err error) {
	o := in.observed
	in.observed = nil
	var failed error
	defer in.recoverTo(&failed) // the call has its outcome already
	o.end = rpcx.CallResult{
		Err:          err,
		Duration:     time.Since(in.conn.server.made) - o.began,
		RequestBytes: in.requestBytes,
		ReplyBytes:   in.replyBytes,
	}
	in.conn.server.config.observer.CallEnd(o.ctx, &o.info, &o.end)
	*o = observation{}
	in.conn.server.observations.Put(o)
}
