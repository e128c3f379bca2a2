// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/protocol"
)

// heartbeatLimit is the longest heartbeat, without its header, that is echoed. Real
// ones have some 30 bytes.
const heartbeatLimit = 4 << 10

// heartbeat echoes the frame. One that offers capabilities gets ours in return. It
// needs no authentication, and its payload is not looked at.
func (t *turn) heartbeat(f *protocol.Frame) bool {
	if n := len(f.Service) + len(f.Method) + len(f.Metadata) + len(f.Payload); n > heartbeatLimit {
		t.send() // what was answered before
		t.conn.flush()
		t.conn.shut(errLongHeartbeat)
		return true
	}
	h := f.Header
	h.Type = protocol.Response
	out, mark := protocol.AppendHead(t.out.B, &h, string(f.Service), string(f.Method))
	offer, offered := protocol.LookupBlock(f.Metadata, hello.OfferKey)
	if offered {
		t.conn.caps.Store(hello.Parse(string(offer)))
		out = protocol.AppendPair(out, hello.AcceptKey, t.conn.server.accepts)
	} else {
		out = append(out, f.Metadata...)
	}
	out = mark.EndMetadata(out)
	out = append(out, f.Payload...)
	if mark.Finish(out) == nil {
		t.out.B = out
	}
	if offered {
		t.send() // before a handler runs that the client may want to cancel
	}
	return true
}

// control acts on a control frame. Unknown ones are ignored: a later version may
// send them.
func (c *Conn) control(f *protocol.Frame) {
	if string(f.Method) == hello.CancelMethod {
		c.calls.cancel(f.Seq)
	}
}

// drainNotice is the frame that tells a capable peer to open no new calls here.
func drainNotice() *protocol.Message {
	return &protocol.Message{
		Header:  protocol.Header{Oneway: true},
		Service: controlService,
		Method:  hello.DrainMethod,
	}
}
