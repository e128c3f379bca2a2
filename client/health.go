// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/health"
	"github.com/rpcx-go/rpcx/protocol"
)

const (
	// healthWait is how long a server may take to say that nothing has changed.
	healthWait = 30 * time.Second
	// healthPause is the pause after a server said so though it should have waited, and
	// changePause the one after a change: a server cannot keep its clients busy.
	healthPause = time.Second
	changePause = 100 * time.Millisecond
	// classicPause is how long a server is left alone that has no health service.
	classicPause = time.Minute
)

// vitals is what one server says of one service.
type vitals struct {
	sick   atomic.Bool // it says that it does not serve
	cancel context.CancelFunc
}

// monitor returns the vitals of nodes, nil without Option.HealthCheck. It begins to watch
// new ones, and stops watching those that have left.
func (t *target) monitor(nodes []*node) []*vitals {
	if !t.client.config.HealthCheck {
		return nil
	}
	next := make(map[*node]*vitals, len(nodes))
	all := make([]*vitals, len(nodes))
	for i, n := range nodes {
		v := t.patients[n]
		if v == nil {
			ctx, cancel := context.WithCancel(t.ctx)
			v = &vitals{cancel: cancel}
			t.client.spawn(func() { t.attend(ctx, n, v) })
		}
		next[n], all[i] = v, v
	}
	for n, v := range t.patients {
		if next[n] == nil {
			v.cancel()
		}
	}
	t.patients = next
	return all
}

// attend keeps v up to date until ctx ends. What cannot be learned speaks for the server:
// the state of its connection and its breakers say the rest.
func (t *target) attend(ctx context.Context, n *node, v *vitals) {
	seen := health.Unknown
	for failures := 0; ; {
		began := time.Now()
		status, err := t.client.ask(ctx, n, t.service, seen)
		if ctx.Err() != nil {
			return
		}
		var pause time.Duration
		switch {
		case err == nil:
			t.diagnose(n, v, status == health.NotServing)
			if pause = changePause; status == seen {
				pause = healthPause - time.Since(began)
			}
			seen, failures = status, 0
		case rpcx.CodeOf(err) == rpcx.Unimplemented:
			t.diagnose(n, v, false)
			seen, pause = health.Unknown, classicPause
		default:
			t.diagnose(n, v, false)
			seen, pause = health.Unknown, t.client.config.reconnect.Delay(failures)
			failures++
		}
		if sleep(ctx, pause) != nil {
			return
		}
	}
}

// diagnose notes what a server says, and tells of it if that is new.
func (t *target) diagnose(n *node, v *vitals, sick bool) {
	if v.sick.Swap(sick) == sick {
		return
	}
	kind := rpcx.ServerHealthy
	if sick {
		kind = rpcx.ServerUnhealthy
	}
	t.client.events.tell(rpcx.Event{Kind: kind, Service: t.service, Server: n.key})
}

// ask waits until the status of a service on a server is another one than seen, or for
// healthWait.
func (c *Client) ask(ctx context.Context, n *node, service string, seen health.Status) (health.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	conn, err := n.conn(ctx)
	if err != nil {
		return health.Unknown, err
	}
	var reply health.Reply
	o := newOutgoing(ctx, health.Service, health.Watch, &health.Request{Service: service, Seen: seen}, &reply,
		[]CallOption{WithSerializeType(protocol.JSON), WithCompressType(protocol.None)})
	if token := c.token.Load(); token != nil {
		o.auth = *token
	}
	o.attempt = 1
	err = o.send(ctx, conn)
	o.finish()
	return reply.Status, err
}
