// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// Receipt is the outcome of a call on one of the servers that Inform sent it to.
type Receipt struct {
	Address string // of the server, without its network
	Reply   any    // of the type of the reply that Inform was given; nil if the call failed
	Error   error  // why it failed here; nil for success
}

// Inform calls a method on all servers of the service at once, waits for all, and
// returns a receipt for each, in the order of the list that discovery reports. The error
// is nil if all succeeded, and otherwise that of Broadcast; without receipts it means
// that no server was called. reply is that of the first success. There are no retries,
// whatever the fail mode is.
//
// Each server gets the same args, which must not change while they are encoded, and a
// reply of its own. ctx bounds it all.
func (c *Client) Inform(ctx context.Context, service, method string, args, reply any, opts ...CallOption) ([]Receipt, error) {
	var receipts []Receipt
	err := c.callWith(ctx, func(ctx context.Context, a *attempts) error {
		var err error
		receipts, err = inform(ctx, a)
		return err
	}, service, method, args, reply, opts)
	return receipts, err
}

// Inform calls a method on all servers at once and returns a receipt for each. See
// Client.Inform.
func (x *XClient) Inform(ctx context.Context, method string, args, reply any, opts ...CallOption) ([]Receipt, error) {
	return x.client.Inform(ctx, x.service, method, args, reply, opts...)
}

func inform(ctx context.Context, a *attempts) ([]Receipt, error) {
	var first *branch
	branches, err := a.everywhere(ctx, func(b *branch) {
		if first == nil && b.err == nil {
			first = b
		}
	})
	if err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(branches))
	for i, b := range branches {
		receipts[i] = Receipt{Address: b.node.addr, Error: b.err}
		if b.err == nil {
			receipts[i].Reply = b.out.call.Reply
		}
	}
	if first != nil {
		a.out.adopt(first.out)
	}
	return receipts, a.joined(branches)
}
