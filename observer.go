// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"fmt"
	"time"
)

// Observer is told of every call that a client makes or a server serves, for
// metrics and traces. Its methods run on the call path: they must not block, and
// they run concurrently. Without an observer nothing is measured and nothing is
// paid.
type Observer interface {
	// CallStart is called when a call begins. The context it returns, which must
	// descend from ctx, is the one that the call goes on with.
	CallStart(ctx context.Context, info *CallInfo) context.Context
	// CallEnd is called when it ends, with the context that CallStart returned.
	CallEnd(ctx context.Context, info *CallInfo, result *CallResult)
}

// ConnObserver is an optional part of an Observer: it is told of connections.
type ConnObserver interface {
	// ConnOpen is called when a connection is ready for frames.
	ConnOpen(info *ConnInfo)
	// ConnClose is called when it is gone, with the reason.
	ConnClose(info *ConnInfo, reason error)
}

// Side says which end of a connection speaks.
type Side uint8

// The sides.
const (
	ClientSide Side = iota + 1
	ServerSide
)

// String returns "client" or "server".
func (s Side) String() string {
	if s == ServerSide {
		return "server"
	}
	return "client"
}

// CallInfo describes a call to an Observer. It is valid during the call.
type CallInfo struct {
	Side            Side
	Service, Method string
	Oneway          bool
	// Attempt is 0 for the call as its caller sees it; on a client, each time it is
	// sent is an attempt of its own with a number from 1.
	Attempt int
	// Header is what travels with the request. In the CallStart of a client's attempt an
	// observer may replace it, to send along what the other end needs, such as the trace
	// that the call belongs to.
	Header Metadata
	// Peer is the other end; on a client it is unknown (zero) at CallStart and, for
	// Attempt 0, at CallEnd as well.
	Peer Peer
}

// CallResult is how a call ended. It is valid during CallEnd.
type CallResult struct {
	Err      error // nil for success
	Duration time.Duration
	// RequestBytes and ReplyBytes are payload lengths as they were on the wire; 0
	// where nothing was sent or received, and for Attempt 0.
	RequestBytes, ReplyBytes int
}

// ConnInfo describes a connection to a ConnObserver.
type ConnInfo struct {
	Side Side
	Peer Peer
}

// EventObserver is an optional part of an Observer: it is told what a client does
// about servers that fail.
type EventObserver interface {
	// ClientEvent is called when one of a client's rules acts. It must not block.
	ClientEvent(e *Event)
}

// Event is something that a client did about servers that fail. It is valid during
// ClientEvent.
type Event struct {
	Kind EventKind
	// Service and Method are the call's that led to it. Empty for ServerReturned; for
	// ServerUnhealthy and ServerHealthy the service alone.
	Service, Method string
	// Server is what it is about, as network@address. Empty for CallRetried, whose
	// server is not chosen yet, and for RetryDenied.
	Server string
	// Err is the failure that led to it; nil for CallHedged, BreakerClosed,
	// ServerReturned, ServerUnhealthy and ServerHealthy.
	Err error
}

// EventKind says which rule acted.
type EventKind uint8

// The kinds of events.
const (
	CallRetried     EventKind = iota + 1 // a call is sent again, after a failed attempt
	CallHedged                           // a call is sent to a second server while the first one works on it
	RetryDenied                          // a call is not sent again: the retry budget is used up
	BreakerOpened                        // a method is kept away from a server on which it fails
	BreakerClosed                        // and works there again
	ServerEjected                        // a server that does much worse than the others gets no calls
	ServerReturned                       // and gets calls again
	ServerUnhealthy                      // a server that says it does not serve a service gets no calls of it
	ServerHealthy                        // and gets them again
)

// String returns the kind in words.
func (k EventKind) String() string {
	switch k {
	case CallRetried:
		return "call retried"
	case CallHedged:
		return "call hedged"
	case RetryDenied:
		return "retry budget exhausted"
	case BreakerOpened:
		return "circuit breaker opened"
	case BreakerClosed:
		return "circuit breaker closed"
	case ServerEjected:
		return "server ejected"
	case ServerReturned:
		return "server returned"
	case ServerUnhealthy:
		return "server not serving"
	case ServerHealthy:
		return "server serving again"
	default:
		return fmt.Sprintf("event %d", uint8(k))
	}
}

// MultiObserver returns an Observer that tells each of the given ones, in order,
// leaving out nil ones. CallEnd and ConnClose go in the reverse order.
func MultiObserver(observers ...Observer) Observer {
	var m multiObserver
	for _, o := range observers {
		if o != nil {
			m = append(m, o)
		}
	}
	switch len(m) {
	case 0:
		return nil
	case 1:
		return m[0]
	default:
		return m
	}
}

type multiObserver []Observer

func (m multiObserver) CallStart(ctx context.Context, info *CallInfo) context.Context {
	for _, o := range m {
		ctx = o.CallStart(ctx, info)
	}
	return ctx
}

func (m multiObserver) CallEnd(ctx context.Context, info *CallInfo, result *CallResult) {
	for i := len(m) - 1; i >= 0; i-- {
		m[i].CallEnd(ctx, info, result)
	}
}

func (m multiObserver) ConnOpen(info *ConnInfo) {
	for _, o := range m {
		if c, ok := o.(ConnObserver); ok {
			c.ConnOpen(info)
		}
	}
}

func (m multiObserver) ConnClose(info *ConnInfo, reason error) {
	for i := len(m) - 1; i >= 0; i-- {
		if c, ok := m[i].(ConnObserver); ok {
			c.ConnClose(info, reason)
		}
	}
}

func (m multiObserver) ClientEvent(e *Event) {
	for _, o := range m {
		if c, ok := o.(EventObserver); ok {
			c.ClientEvent(e)
		}
	}
}
