// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"github.com/rpcx-go/rpcx"
)

// Caller makes calls to one service. *XClient is one; so is what a test puts in its
// place.
type Caller interface {
	// Call calls a method and waits for its reply; see XClient.Call.
	Call(ctx context.Context, method string, args, reply any, opts ...CallOption) error
}

// Invoke calls a method whose reply is an R and returns a new one. The reply of a
// failed call is nil.
func Invoke[R any](ctx context.Context, c Caller, method string, args any, opts ...CallOption) (*R, error) {
	reply := new(R)
	if err := c.Call(ctx, method, args, reply, opts...); err != nil {
		return nil, err
	}
	return reply, nil
}

// Call is a call that was made with Go.
type Call struct {
	Service, Method string
	Args, Reply     any           // as given to Go
	Metadata        rpcx.Metadata // what came back with the reply
	Error           error         // why it failed; nil for success
	// Done receives the Call when it is complete. Reply, Metadata and Error must not be
	// touched before.
	Done chan *Call
}

// startCall runs do on a goroutine of its own and completes a Call with its outcome.
// done may be nil; otherwise it must have room for every call that it is given to,
// and a call that finds it full waits until it has room or its context ends.
func startCall(ctx context.Context, service, method string, args, reply any, done chan *Call,
	opts []CallOption, do func(opts []CallOption) error,
) *Call {
	if done == nil {
		done = make(chan *Call, 1)
	}
	c := &Call{Service: service, Method: method, Args: args, Reply: reply, Done: done}
	opts = append(opts[:len(opts):len(opts)], alsoTrailer(opts, &c.Metadata))
	go func() { // ends with the call, which ends with ctx or the connection
		c.Error = do(opts)
		select {
		case done <- c:
		default:
			select {
			case done <- c:
			case <-ctx.Done():
			}
		}
	}()
	return c
}

// alsoTrailer stores the reply's metadata in md and where opts said already.
func alsoTrailer(opts []CallOption, md *rpcx.Metadata) CallOption {
	if users := newCallConfig(opts).trailer; users != nil {
		return callOption(func(c *callConfig) { c.trailer, c.trailerToo = md, users })
	}
	return WithTrailer(md)
}
