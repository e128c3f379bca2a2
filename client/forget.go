// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"github.com/rpcx-go/rpcx"
)

// Forget ends the watch of a service, as if it had never been called: it does not count
// against Option.MaxServices any more, and connections that no other service uses are
// closed when their calls have ended. No call is harmed, neither one under way nor a
// later one, with which the watch begins anew. It is for programs that pass on names
// which others choose.
func (c *Client) Forget(service string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.targets.LoadAndDelete(service)
	if !ok {
		return
	}
	c.services--
	forgotten := t.(*target) //nolint:forcetypeassert,errcheck // nothing else is in there
	forgotten.forgotten.Store(true)
	c.first.CompareAndSwap(forgotten, nil)
	forgotten.cancel()
}

var errForgotten = rpcx.Unsent(rpcx.Unavailable, "client: the service was forgotten")

// quit gives back what a target that was forgotten holds. Its watch has ended.
func (t *target) quit() {
	t.fail(errForgotten)
	if s := t.snapshot.Load(); s != nil {
		t.client.release(s.nodes)
	}
	t.shutLast()
}

// overtaken reports whether a call failed for no other reason than that its service was
// forgotten meanwhile.
func (t *target) overtaken(ctx context.Context, err error) bool {
	return err != nil && t.forgotten.Load() && unreached(err) && !remote(err) && ctx.Err() == nil && t.client.ctx.Err() == nil
}
