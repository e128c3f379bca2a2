// SPDX-License-Identifier: Apache-2.0

package rpcx

import "context"

// UnaryFunc makes or serves one call: on a client it sends c.Args and fills
// c.Reply, on a server it runs the handler.
type UnaryFunc func(ctx context.Context, c *Call) error

// Interceptor wraps calls, on either side. A nil field is not interested. It is a
// struct of functions so that kinds of call that come later do not break it.
//
// Chains are composed once, when a client or server is made; the functions that an
// interceptor returns run concurrently.
type Interceptor struct {
	// Unary returns a function that runs around next. It may act before and after,
	// change what it passes on, or not call next at all: what it returns is what the
	// caller gets, so returning an error refuses the call. It may call next again, but not
	// while next runs. It may pass a copy of the call on, and finds the outcome in that.
	//
	// Should it return before next does, next goes on, in the time that the call has. Around an
	// attempt it must have passed a copy on then, for the client may make another one with the call,
	// and next goes on for as long as the call lasts, or longer.
	Unary func(next UnaryFunc) UnaryFunc

	// Route returns the name to use for one that nothing is registered under; what it
	// does not know it returns as it is. Servers ask it before they authenticate the
	// call, on the goroutine that reads the connection: it must be quick. Policies,
	// observers and interceptors see the name that it returned, the reply carries the
	// one that was called. Clients do not use it.
	Route func(service, method string) (string, string)
}

// Chain composes interceptors around a final function; the first is outermost.
func Chain(interceptors []Interceptor, final UnaryFunc) UnaryFunc {
	for i := len(interceptors) - 1; i >= 0; i-- {
		if wrap := interceptors[i].Unary; wrap != nil {
			final = wrap(final)
		}
	}
	return final
}
