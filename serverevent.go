// SPDX-License-Identifier: Apache-2.0

package rpcx

import "fmt"

// ServerObserver is an optional part of an Observer: it is told what a server does to
// protect itself.
type ServerObserver interface {
	// ServerEvent is called when one of a server's rules acts. It must not block: under
	// overload it is called for every call that is refused.
	ServerEvent(e *ServerEvent)
}

// ServerEvent is something that a server did to protect itself. It is valid during
// ServerEvent.
type ServerEvent struct {
	Kind ServerEventKind
	// Service and Method are what was called, by the name that it is registered under;
	// for HealthChanged the service alone. Empty for ConnRefused, and for
	// a call over HTTP whose body was not read.
	Service, Method string
	// Peer is whose connection or call it was. Zero for LimitSet, LimitLifted and
	// HealthChanged.
	Peer Peer
	// Err is what the caller was told, or would have been. Nil for LimitSet, LimitLifted
	// and HealthChanged.
	Err error
}

// ServerEventKind says which rule acted.
type ServerEventKind uint8

// The kinds of events.
const (
	ConnRefused   ServerEventKind = iota + 1 // a connection is closed: there are too many, or its address may not connect
	CallRefused                              // a call is not executed: a rate limit or too much work
	CallExpired                              // a call is not executed: it came or waited too long
	LimitSet                                 // a method gets a limit: its calls run out of time
	LimitLifted                              // and needs none any more
	HealthChanged                            // a service serves now, or does not any more
)

// String returns the kind in words.
func (k ServerEventKind) String() string {
	switch k {
	case ConnRefused:
		return "connection refused"
	case CallRefused:
		return "call refused"
	case CallExpired:
		return "call expired"
	case LimitSet:
		return "concurrency limit set"
	case LimitLifted:
		return "concurrency limit lifted"
	case HealthChanged:
		return "health changed"
	default:
		return fmt.Sprintf("server event %d", uint8(k))
	}
}

// ServerEvent tells all that want to know.
func (m multiObserver) ServerEvent(e *ServerEvent) {
	for _, o := range m {
		if s, ok := o.(ServerObserver); ok {
			s.ServerEvent(e)
		}
	}
}
