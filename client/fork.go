// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// Fork calls a method on all servers of the service at once and takes the first
// success; the other servers are told to stop. It fails if all do, and the error then
// has the outcome of every one. There are no retries, whatever the fail mode is.
//
// Each server gets the same args, which must not change while they are encoded, and a
// reply of its own. ctx bounds it all.
func (c *Client) Fork(ctx context.Context, service, method string, args, reply any, opts ...CallOption) error {
	return c.callWith(ctx, fork, service, method, args, reply, opts)
}

// Fork calls a method on all servers at once and takes the first success. See
// Client.Fork.
func (x *XClient) Fork(ctx context.Context, method string, args, reply any, opts ...CallOption) error {
	return x.client.Fork(ctx, x.service, method, args, reply, opts...)
}

func fork(ctx context.Context, a *attempts) error {
	racing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var first *branch
	branches, err := a.everywhere(racing, func(b *branch) {
		if first == nil && b.err == nil {
			first = b
			stop(errBeaten)
		}
	})
	switch {
	case err != nil:
		return err
	case first == nil:
		return a.joined(branches)
	}
	a.out.adopt(first.out)
	return nil
}
