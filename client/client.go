// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
)

// Client calls any number of services: it asks a discovery for their servers, keeps
// connections to those and sends each call to one of them, or to more under a fail
// mode that tries again. Make one with NewClient; its methods may be called
// concurrently. After Close they fail with Canceled.
type Client struct {
	config    *resolved
	configErr error
	discovery Discovery
	mode      FailMode
	policy    balance.Policy
	position  *balance.Position      // for Closest, else nil
	even      bool                   // all servers are to get the same part of the calls; see relieve
	token     atomic.Pointer[string] // of Auth

	private  bool                   // calls are seen by nobody else; see recycle
	straight bool                   // first attempts may be made straight
	first    atomic.Pointer[target] // called, and not forgotten: most clients have no other

	events events
	guard  *guard
	budget *budget
	delays latencies

	chain        rpcx.UnaryFunc // around a call; nil: no interceptors
	attemptChain rpcx.UnaryFunc // around each attempt; nil: no interceptors

	ctx    context.Context //nolint:containedctx // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // watches, dials, connections

	targets sync.Map // service name -> *target; written under mu

	mu       sync.Mutex // guards what follows
	nodes    map[string]*node
	conns    map[*Conn]struct{}
	services int // in targets

	closed atomic.Bool // changes under mu
}

var (
	errClosed    = rpcx.Unsent(rpcx.Canceled, "client: closed")
	errPanic     = rpcx.Errorf(rpcx.Internal, "client: an interceptor or a codec panicked")
	errNoMessage = rpcx.Unsent(rpcx.InvalidArgument, "client: send a raw message: it is nil")
)

// NewClient makes a client. It opens nothing: the first call does. What is wrong with
// the arguments is returned by every call, as InvalidArgument.
func NewClient(fail FailMode, sel SelectMode, d Discovery, opt Option) *Client {
	config, err := opt.resolve()
	c := &Client{
		config:    config,
		discovery: d,
		mode:      fail,
		events:    newEvents(config),
		budget:    newBudget(config.RetryBudget),
		nodes:     make(map[string]*node),
		conns:     make(map[*Conn]struct{}),
	}
	c.guard = newGuard(config.Breaker, config.Ejection, &c.events)
	errs := []error{err}
	c.policy, err = c.selection(sel)
	errs = append(errs, err)
	if _, err := fail.run(); err != nil {
		errs = append(errs, err)
	}
	if d == nil {
		errs = append(errs, errors.New("client: discovery is nil"))
	}
	if err := errors.Join(errs...); err != nil {
		c.configErr = rpcx.Unsent(rpcx.InvalidArgument, "%w", err)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if len(config.Interceptors) > 0 {
		c.chain = rpcx.Chain(config.Interceptors, chained)
	}
	if len(config.AttemptInterceptors) > 0 {
		c.attemptChain = rpcx.Chain(config.AttemptInterceptors, attemptChained)
	}
	c.straight = c.attemptChain == nil && (fail == Failover || fail == Failfast || fail == Failtry)
	c.private = c.straight && c.chain == nil && config.Observer == nil
	return c
}

// Call calls a method of a service and waits for its reply. A nil reply makes the
// call one-way: it returns once a connection has taken the request. ctx bounds the
// call with everything that it entails; its deadline travels to the server, and when
// it is canceled the call returns at once and the handler's context ends.
//
// Errors are *rpcx.Error. What the service itself returned is Remote; see
// rpcx.SafeToRetry for what is known of calls that failed on the way.
func (c *Client) Call(ctx context.Context, service, method string, args, reply any, opts ...CallOption) error {
	o := c.newCall()
	o.init(ctx, opts)
	o.ask(service, method, args, reply)
	if c.private && o.brief() {
		var b begun
		c.launch(ctx, o, &b)
		if b.sent != nil {
			c.recycle(o)
			complete := b.conn.await(ctx, b.sent)
			if _, _, b.err = b.conn.fetch(ctx, b.sent, complete, service, method, reply); b.err == nil {
				c.passed(&b, service, method)
				return nil
			}
			o = c.newCall()
			o.init(ctx, opts)
			o.ask(service, method, args, reply)
		}
		o.attempts.begun, o.launched = b.failed(), true
	}
	return c.finish(ctx, o)
}

// finish makes a call to its end.
func (c *Client) finish(ctx context.Context, o *outgoing) error {
	err := c.do(ctx, o)
	if o.finish() && err == nil {
		c.recycle(o)
	}
	return err
}

// Go is Call without waiting: the returned Call arrives on its Done channel when it
// is complete. done may be nil, and must have room for the calls that share it.
func (c *Client) Go(ctx context.Context, service, method string, args, reply any, done chan *Call, opts ...CallOption) *Call {
	return startCall(ctx, service, method, args, reply, done, opts, func(opts []CallOption) error {
		return c.Call(ctx, service, method, args, reply, opts...)
	})
}

// Oneshot sends a one-way call: it returns once a connection has taken the request.
// Whether the service ran it, or exists, is not known.
func (c *Client) Oneshot(ctx context.Context, service, method string, args any, opts ...CallOption) error {
	return c.Call(ctx, service, method, args, nil, opts...)
}

// SendRaw sends a frame of the caller's to a server of m.Service, under the fail
// mode, and returns the answer's metadata and payload. Payloads are plain: they are
// compressed on the way as the header of m says. m is not changed, and its sequence
// id means nothing. The metadata that ctx carries is sent beside m's own.
func (c *Client) SendRaw(ctx context.Context, m *protocol.Message, opts ...CallOption) (map[string]string, []byte, error) {
	if m == nil {
		return nil, nil, errNoMessage
	}
	o := newOutgoing(ctx, m.Service, m.Method, m, nil, opts)
	o.raw = m
	o.call.Oneway = m.Oneway
	o.call.Header = o.call.Header.Merge(m.Metadata)
	err := c.do(ctx, o)
	if !o.finish() || o.answer == nil {
		if err == nil && !m.Oneway {
			err = rpcx.Errorf(rpcx.Internal, "client: call %s.%s: no frame has answered it; "+
				"an interceptor has to call next, and to wait for it", m.Service, m.Method)
		}
		return nil, nil, err
	}
	return o.answer.Metadata.Map(), o.answer.Payload, err
}

// Auth sets the token that every further call carries; servers check it with their
// AuthFunc. By custom it is of the form "bearer TOKEN". "" sends none.
func (c *Client) Auth(token string) { c.token.Store(&token) }

// Close closes all connections at once. Calls that wait for replies fail with
// Canceled. It returns when everything that the client started has ended, the
// delivery of a push that is under way included: so OnPush must not call it, except
// on a goroutine of its own. It does not close the discovery.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed.Store(true)
	conns := make([]*Conn, 0, len(c.conns))
	for conn := range c.conns {
		conns = append(conns, conn)
	}
	c.mu.Unlock()
	c.cancel()
	for _, conn := range conns {
		conn.fail(rpcx.Errorf(rpcx.Canceled, "client: connection to %s is shut down", conn.addr))
	}
	c.tasks.Wait()
	c.targets.Range(func(_, t any) bool {
		t.(*target).shutLast() //nolint:forcetypeassert,errcheck // nothing else is in there
		return true
	})
	return nil
}

// target returns the service's target, and begins to watch it with the first call.
func (c *Client) target(service string) (*target, error) {
	if t := c.first.Load(); t != nil && t.service == service && !t.forgotten.Load() {
		return t, nil
	}
	if t, ok := c.targets.Load(service); ok {
		return t.(*target), nil //nolint:forcetypeassert,errcheck // nothing else is in there
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.targets.Load(service); ok {
		return t.(*target), nil //nolint:forcetypeassert,errcheck // nothing else is in there
	}
	if c.closed.Load() {
		return nil, errClosed
	}
	if c.services++; c.services > c.config.MaxServices {
		c.services--
		return nil, rpcx.Unsent(rpcx.ResourceExhausted,
			"client: call service %s: %d others have been called, which are as many as may; see Option.MaxServices", service, c.services)
	}
	t := newTarget(c, service)
	c.targets.Store(service, t)
	if first := c.first.Load(); first == nil || first.forgotten.Load() {
		c.first.Store(t)
	}
	c.tasks.Go(t.watch)
	return t, nil
}

// spawn runs f on a goroutine that Close waits for. It reports false, and does not
// run f, when the client is closed.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return false
	}
	c.tasks.Go(f)
	return true
}

// own notes a connection, for Close. It reports false when the client is closed.
func (c *Client) own(conn *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return false
	}
	if conn.Err() == nil { // else it has been disowned already
		c.conns[conn] = struct{}{}
	}
	return true
}

func (c *Client) disown(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
}

// acquire returns the nodes of instances, new ones where there are none yet.
func (c *Client) acquire(instances []registry.Instance) []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := make([]*node, len(instances))
	for i, in := range instances {
		n := c.nodes[in.Key()]
		if n == nil {
			n = newNode(c, in.Network, in.Addr)
			c.nodes[in.Key()] = n
			if c.config.pushes() && !c.closed.Load() {
				c.tasks.Go(n.supervise)
			}
		}
		n.users++
		nodes[i] = n
	}
	return nodes
}

// release is the reverse of acquire; a node that no service has any more is retired.
func (c *Client) release(nodes []*node) {
	var unused []*node
	c.mu.Lock()
	for _, n := range nodes {
		if n.users--; n.users == 0 {
			delete(c.nodes, n.key)
			unused = append(unused, n)
		}
	}
	c.mu.Unlock()
	for _, n := range unused {
		n.close()
	}
}
