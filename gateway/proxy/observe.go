// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Of methods the observer is told by name of so many that exist, and of so many more that
// may be made up.
const (
	maxMethods = 10_000
	maxGuesses = 100
)

// methods are those that the observer is told of by name: names become labels of metrics,
// of which there is no end if strangers choose them. That a method exists is known when its
// service has answered for it.
type methods struct {
	mu      sync.RWMutex        // guards what follows
	exist   map[methodName]bool // false: it may be made up
	guesses int                 // of those
}

type methodName struct{ service, method string }

// tells reports whether the observer is told of a method by name. Once it has been, it
// always is.
func (m *methods) tells(service, method string) bool {
	name := methodName{service, method}
	m.mu.RLock()
	_, known := m.exist[name]
	full := m.guesses >= maxGuesses || len(m.exist) >= maxMethods
	m.mu.RUnlock()
	if known || full {
		return known
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.exist[name]; !known {
		m.exist[name] = false
		m.guesses++
	}
	return true
}

// learn takes note of how a call ended that was to be answered.
func (m *methods) learn(service, method string, err error) {
	if !answersFor(err) {
		return
	}
	name := methodName{service, method}
	m.mu.RLock()
	exists := m.exist[name]
	m.mu.RUnlock()
	if exists {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	exists, known := m.exist[name]
	switch {
	case known && !exists:
		m.guesses--
		m.exist[name] = true
	case !known && len(m.exist) < maxMethods:
		m.exist[name] = true
	}
}

// answersFor reports whether the outcome of a call can only be that of a method: others may
// be said of any name, by whoever checks tokens or limits.
func answersFor(err error) bool {
	switch rpcx.CodeOf(err) {
	case 0:
		return true
	case rpcx.InvalidArgument, rpcx.NotFound, rpcx.AlreadyExists, rpcx.FailedPrecondition,
		rpcx.Aborted, rpcx.OutOfRange, rpcx.Internal, rpcx.DataLoss:
		var e *rpcx.Error
		return errors.As(err, &e) && e.Remote()
	default:
		return false
	}
}

// namelessKey is the key that the context of a call has whose method is not told.
type namelessKey struct{}

// observer is the user's, for the calls that the client makes.
type observer struct {
	rpcx.Observer

	methods *methods
}

// CallStart implements rpcx.Observer.
func (o observer) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	if ctx.Value(namelessKey{}) == nil {
		return o.Observer.CallStart(ctx, info)
	}
	told := *info
	told.Method = ""
	ctx = o.Observer.CallStart(ctx, &told)
	info.Header = told.Header
	return ctx
}

// CallEnd implements rpcx.Observer.
func (o observer) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	if ctx.Value(namelessKey{}) == nil {
		o.Observer.CallEnd(ctx, info, result)
		return
	}
	told := *info
	told.Method = ""
	o.Observer.CallEnd(ctx, &told, result)
}

// ConnOpen implements rpcx.ConnObserver.
func (o observer) ConnOpen(info *rpcx.ConnInfo) {
	if c, ok := o.Observer.(rpcx.ConnObserver); ok {
		c.ConnOpen(info)
	}
}

// ConnClose implements rpcx.ConnObserver.
func (o observer) ConnClose(info *rpcx.ConnInfo, reason error) {
	if c, ok := o.Observer.(rpcx.ConnObserver); ok {
		c.ConnClose(info, reason)
	}
}

// ClientEvent implements rpcx.EventObserver.
func (o observer) ClientEvent(e *rpcx.Event) {
	c, ok := o.Observer.(rpcx.EventObserver)
	if !ok {
		return
	}
	told := *e
	if !o.methods.tells(e.Service, e.Method) {
		told.Method = ""
	}
	c.ClientEvent(&told)
}

// observed makes a call on a server of a service that is there, and tells the observer.
func (p *Proxy) observed(ctx context.Context, peer rpcx.Peer, call, out *protocol.Message, of string) (err error) {
	o := p.config.Client.Observer
	if o == nil {
		return p.send(ctx, call, out, of)
	}
	info := rpcx.CallInfo{
		Side:    rpcx.ServerSide,
		Service: call.Service,
		Method:  call.Method,
		Oneway:  call.Oneway,
		Header:  call.Metadata,
		Peer:    peer,
	}
	if !p.methods.tells(call.Service, call.Method) {
		info.Method, ctx = "", context.WithValue(ctx, namelessKey{}, true)
	}
	result := rpcx.CallResult{RequestBytes: len(call.Payload)}
	began := time.Now()
	ctx = o.CallStart(ctx, &info)
	defer func() {
		if !call.Oneway {
			p.methods.learn(call.Service, call.Method, err)
		}
		result.Err, result.Duration, result.ReplyBytes = err, time.Since(began), len(out.Payload)
		o.CallEnd(ctx, &info, &result)
	}()
	return p.send(ctx, call, out, of)
}

// tell tells the observer of a request or call that came to nothing here. Its names may be
// made up as well, so there are none.
func (p *Proxy) tell(peer rpcx.Peer, err error) {
	if o, ok := p.config.Client.Observer.(rpcx.ServerObserver); ok {
		o.ServerEvent(&rpcx.ServerEvent{Kind: rpcx.CallRefused, Peer: peer, Err: err})
	}
}
