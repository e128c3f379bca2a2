// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// Broadcast calls a method on all servers of the service at once and waits for all.
// It succeeds if all do; reply is then that of the first. Otherwise the error has the
// outcome of every server that failed, those that could not be reached included, and
// reply is not touched. There are no retries, whatever the fail mode is.
//
// Each server gets the same args, which must not change while they are encoded, and a
// reply of its own. ctx bounds it all.
func (c *Client) Broadcast(ctx context.Context, service, method string, args, reply any, opts ...CallOption) error {
	return c.callWith(ctx, broadcast, service, method, args, reply, opts)
}

// Broadcast calls a method on all servers at once; all must succeed. See
// Client.Broadcast.
func (x *XClient) Broadcast(ctx context.Context, method string, args, reply any, opts ...CallOption) error {
	return x.client.Broadcast(ctx, x.service, method, args, reply, opts...)
}

func broadcast(ctx context.Context, a *attempts) error {
	var first *branch
	branches, err := a.everywhere(ctx, func(b *branch) {
		if first == nil && b.err == nil {
			first = b
		}
	})
	if err != nil {
		return err
	}
	if err := a.joined(branches); err != nil {
		return err
	}
	a.out.adopt(first.out)
	return nil
}
