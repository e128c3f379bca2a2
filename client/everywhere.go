// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
	"strings"

	"github.com/rpcx-go/rpcx"
)

// callWith is Call under another mode than the client's.
func (c *Client) callWith(ctx context.Context, run failFunc, service, method string, args, reply any, opts []CallOption) error {
	o := newOutgoing(ctx, service, method, args, reply, opts)
	o.run = run
	err := c.do(ctx, o)
	o.finish()
	return err
}

// branch is the part of a call to all servers that goes to one of them.
type branch struct {
	node *node
	out  *outgoing
	err  error

	panicked any // what an interceptor or a codec panicked with
}

// everywhere sends the call to all servers of the service at once, those that are down
// or kept away from other calls too. It hands each branch to ended when it has ended, one
// at a time, and returns when all have, in the order of the list of servers.
func (a *attempts) everywhere(ctx context.Context, ended func(b *branch)) ([]*branch, error) {
	s, err := a.target.wait(ctx)
	if err != nil {
		return nil, a.note(err)
	}
	branches := make([]*branch, len(s.nodes))
	done := make(chan *branch, len(s.nodes))
	for i, n := range s.nodes {
		b := &branch{node: n, out: twin(ctx, a.out, a.out.call)}
		b.out.attempt = i
		branches[i] = b
		go func() { // ends before everywhere does
			defer func() {
				b.panicked = recover()
				done <- b
			}()
			one := newAttempts(a.client, b.out, a.target)
			p, _ := n.breakers.permit(&b.out.call)
			b.err = one.guarded(b.out, n, p)
		}()
	}
	for range branches {
		b := <-done
		if b.panicked != nil {
			b.err = errPanic
		}
		ended(b)
	}
	for _, b := range branches {
		if b.panicked != nil {
			panic(b.panicked) //nolint:forbidigo // here the caller can recover
		}
	}
	return branches, nil
}

// joined is the error of a call to all servers that failed on some, with the outcome of
// each; nil if it failed on none. It says that the call did not run only if it ran
// nowhere.
func (a *attempts) joined(branches []*branch) error {
	var errs []error
	var code rpcx.Code
	errorf := rpcx.Unsent
	for _, b := range branches {
		if !rpcx.SafeToRetry(b.err) {
			errorf = rpcx.Errorf
		}
		if b.err == nil {
			continue
		}
		if c := rpcx.CodeOf(b.err); len(errs) == 0 || c == code {
			code = c
		} else {
			code = rpcx.Unknown
		}
		errs = append(errs, b.named())
	}
	if len(errs) == 0 {
		return nil
	}
	return errorf(code, "client: call %s.%s failed on %d of %d servers: %w",
		a.out.call.Service, a.out.call.Method, len(errs), len(branches), distinct(errs))
}

// named is the branch's error with the server's name in it.
func (b *branch) named() error {
	if strings.Contains(b.err.Error(), b.node.key) {
		return b.err
	}
	return fmt.Errorf("%s: %w", b.node.key, b.err)
}
