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

// Of names the observer is told so many that exist, and so many more that may be made up.
const (
	maxNames   = 10_000
	maxGuesses = 100
)

// names are those of methods, or of services, that the observer is told of: they become
// labels of metrics, of which there is no end if strangers choose them. That a method exists
// is known when its service has answered for it, and that a service does likewise: some
// resolvers have servers for every name.
type names struct {
	mu      sync.RWMutex        // guards what follows
	exist   map[methodName]bool // false: it may be made up
	guesses int                 // of those
}

// methodName is the name of a method. That of a service has none.
type methodName struct{ service, method string }

func newNames() *names { return &names{exist: make(map[methodName]bool)} }

// tells reports whether the observer is told of a name. Once it has been, it always is.
func (m *names) tells(name methodName) bool {
	m.mu.RLock()
	_, known := m.exist[name]
	full := m.guesses >= maxGuesses || len(m.exist) >= maxNames
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

// learn takes note of a name that exists.
func (m *names) learn(name methodName) {
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
	case !known && len(m.exist) < maxNames:
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

// told is what the observer is told of by name.
type told struct{ services, methods *names }

// of returns what the observer is told of a name instead: the same, as much of it as is not
// made up, or nothing.
func (t told) of(name methodName) methodName {
	service := methodName{service: name.service}
	switch {
	case !t.services.tells(service):
		return methodName{}
	case name.method != "" && !t.methods.tells(name):
		return service
	default:
		return name
	}
}

// learn takes note of how a call ended that was to be answered.
func (t told) learn(name methodName, err error) {
	if answersFor(err) {
		t.services.learn(methodName{service: name.service})
		t.methods.learn(name)
	}
}

// toldKey is the key that the context of a call has whose name is told as another one.
type toldKey struct{}

// observer is the user's, for the calls that the client makes.
type observer struct {
	rpcx.Observer

	told told
}

// renamed returns what is told of a call instead of info, which may be the same.
func renamed(ctx context.Context, info *rpcx.CallInfo) *rpcx.CallInfo {
	name, other := ctx.Value(toldKey{}).(methodName)
	if !other {
		return info
	}
	i := *info
	i.Service, i.Method = name.service, name.method
	return &i
}

// CallStart implements rpcx.Observer.
func (o observer) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	told := renamed(ctx, info)
	ctx = o.Observer.CallStart(ctx, told)
	info.Header = told.Header
	return ctx
}

// CallEnd implements rpcx.Observer.
func (o observer) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	o.Observer.CallEnd(ctx, renamed(ctx, info), result)
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
	if e.Service != "" {
		name := o.told.of(methodName{e.Service, e.Method})
		told.Service, told.Method = name.service, name.method
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
	name := methodName{call.Service, call.Method}
	if other := p.told.of(name); other != name {
		info.Service, info.Method = other.service, other.method
		ctx = context.WithValue(ctx, toldKey{}, other)
	}
	result := rpcx.CallResult{RequestBytes: len(call.Payload)}
	began := time.Now()
	ctx = o.CallStart(ctx, &info)
	defer func() {
		if !call.Oneway {
			p.told.learn(name, err)
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
