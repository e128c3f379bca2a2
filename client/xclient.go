// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"github.com/rpcx-go/rpcx/protocol"
)

// XClient calls one service: a Client bound to its name. Make one with NewXClient;
// its methods may be called concurrently. After Close they fail with Canceled.
type XClient struct {
	client  *Client
	service string
}

// NewXClient makes a client of the named service. It opens nothing: the first call
// does, unless opt wants pushes. What is wrong with the arguments is returned by
// every call, as InvalidArgument.
func NewXClient(service string, fail FailMode, sel SelectMode, d Discovery, opt Option) *XClient {
	x := &XClient{client: NewClient(fail, sel, d, opt), service: service}
	if x.client.config.pushes() && x.client.configErr == nil {
		_, _ = x.client.target(service) // begins to connect; the client is not closed yet
	}
	return x
}

// Call calls a method and waits for its reply. A nil reply makes the call one-way:
// it returns once a connection has taken the request. ctx bounds the call with
// everything that it entails, retries included; its deadline travels to the server,
// and when it is canceled the call returns at once and the handler's context ends.
// Nil options are passed over.
//
// Errors are *rpcx.Error. What the service itself returned is Remote; see
// rpcx.SafeToRetry for what is known of calls that failed on the way.
func (x *XClient) Call(ctx context.Context, method string, args, reply any, opts ...CallOption) error {
	return x.client.Call(ctx, x.service, method, args, reply, opts...)
}

// Go is Call without waiting: the returned Call arrives on its Done channel when it
// is complete. done may be nil, and must have room for the calls that share it.
func (x *XClient) Go(ctx context.Context, method string, args, reply any, done chan *Call, opts ...CallOption) *Call {
	return x.client.Go(ctx, x.service, method, args, reply, done, opts...)
}

// Oneshot sends a one-way call: it returns once a connection has taken the request.
// Whether the service ran it, or exists, is not known.
func (x *XClient) Oneshot(ctx context.Context, method string, args any, opts ...CallOption) error {
	return x.client.Oneshot(ctx, x.service, method, args, opts...)
}

// SendRaw sends a frame of the caller's, under the fail mode, and returns the answer's
// metadata and payload. An empty m.Service means the client's own. See
// Client.SendRaw.
func (x *XClient) SendRaw(ctx context.Context, m *protocol.Message, opts ...CallOption) (map[string]string, []byte, error) {
	if m != nil && m.Service == "" {
		named := *m
		named.Service = x.service
		m = &named
	}
	return x.client.SendRaw(ctx, m, opts...)
}

// Auth sets the token that every further call carries; servers check it with their
// AuthFunc. By custom it is of the form "bearer TOKEN". "" sends none.
func (x *XClient) Auth(token string) { x.client.Auth(token) }

// Service returns the name of the service.
func (x *XClient) Service() string { return x.service }

// Close closes all connections at once. Calls that wait for replies fail with
// Canceled. It returns when everything that the client started has ended: so OnPush
// must not call it, except on a goroutine of its own. It does not close the discovery.
// The second call does nothing.
func (x *XClient) Close() error { return x.client.Close() }

var _ Caller = (*XClient)(nil)
