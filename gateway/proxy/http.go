// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/internal/peerip"
	"github.com/rpcx-go/rpcx/internal/webhost"
	"github.com/rpcx-go/rpcx/jsonrpc"
)

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w, r := p.limits.bounds.Hold(rw, r) // whatever becomes of it: an unread body is waited for as well
	if p.draining.Load() && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	hosts := webhost.List(p.config.Hosts)
	switch h := p.route(r); {
	case health(r):
		p.serveHealth(w, r)
	case !hosts.Admits(r.Host):
		p.misdirected(w, r, "nothing is served under the host %q")
	case h != nil:
		p.guard(w, r, h)
	case r.TLS == nil && !webhost.Fixed(r.Host) && !hosts.Names(r.Host):
		p.misdirected(w, r, "pages are not served under the host %q: it is not among those of the configuration")
	default:
		p.page(rw, w, r)
	}
}

// misdirected answers a request for a host that it is not for.
func (p *Proxy) misdirected(w http.ResponseWriter, r *http.Request, format string) {
	err := rpcx.Errorf(rpcx.PermissionDenied, "gateway: "+format, r.Host).NotExecuted()
	p.tell(httpcall.Peer(r), err)
	httpcall.Problem(w, http.StatusMisdirectedRequest, err)
}

// page lets a handler of the user's answer, who may take its time, but not its client. A
// refusal is written to bounded.
func (p *Proxy) page(w, bounded http.ResponseWriter, r *http.Request) {
	r = p.addressed(r)
	place, err := p.limits.enter(httpcall.Peer(r))
	if err != nil {
		p.refuse(bounded, r, err)
		return
	}
	defer place.leave()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // of an earlier response; none if it cannot
	paced := httpcall.NewStreamWriter(w, p.limits.bounds.Write)
	defer paced.Finish()
	p.mux.ServeHTTP(paced, r)
}

// route returns what serves a call; nil for a request that is one of the user's.
func (p *Proxy) route(r *http.Request) http.Handler {
	switch m := httpcall.Meant(r); {
	case jsonrpc.Is(m):
		return p.rpc
	case gateway.IsInvoke(m):
		return p.calls
	}
	if _, pattern := p.mux.Handler(r); pattern != "" {
		return nil
	}
	if r.URL.Path == "/" && r.Method == http.MethodPost && httpcall.IsJSON(r.Header) {
		return p.rpc
	}
	return p.calls
}

// visit is what calls have in common that come with one request.
type visit struct {
	paid atomic.Bool   // the first of them is paid for
	adds rpcx.Metadata // to what the client sends
}

type visitKey struct{}

// guard lets a request through to a handler of calls, if there is room for it and whoever
// makes it may.
func (p *Proxy) guard(w http.ResponseWriter, r *http.Request, h http.Handler) {
	if !httpcall.Origins(p.config.Origins).Admit(w, r, httpcall.FromOwnPage(r, p.config.Hosts...)) {
		if r.Method != http.MethodOptions {
			p.tell(httpcall.Peer(r), errOrigin)
		}
		return
	}
	r = p.addressed(r)
	peer := httpcall.Peer(r)
	place, err := p.limits.enter(peer)
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	defer place.leave()
	if err := p.limits.charge(peer); err != nil {
		p.refuse(w, r, err)
		return
	}
	v := new(visit)
	v.paid.Store(true)
	if v.adds, err = p.identity(r); err != nil {
		p.refuse(w, r, err)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	defer p.limits.bodies.Hold(r).Release()
	h.ServeHTTP(w, r)
}

var errOrigin = rpcx.Errorf(rpcx.PermissionDenied, "gateway: pages of this origin may not make calls").NotExecuted()

// refuse answers a request that makes no call.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p.tell(httpcall.Peer(r), err)
	gateway.WriteError(w, r, err)
}

// addressed returns r as one from whom the proxy in front says that makes it.
func (p *Proxy) addressed(r *http.Request) *http.Request {
	if p.config.ClientAddr == nil {
		return r
	}
	addr := p.config.ClientAddr(r)
	if !addr.IsValid() {
		return r
	}
	r = r.WithContext(r.Context()) // a copy
	r.RemoteAddr = netip.AddrPortFrom(addr, 0).String()
	return r
}

// forwardedFor is the key of metadata under which services learn who calls.
const forwardedFor = "x-forwarded-for"

// identity returns what is said of whoever makes a request, and of the trace that it is a
// part of.
func (p *Proxy) identity(r *http.Request) (rpcx.Metadata, error) {
	var pairs []string
	for _, key := range []string{"traceparent", "tracestate"} {
		if v := r.Header.Get(key); v != "" && !p.reserves(key) {
			pairs = append(pairs, key, v)
		}
	}
	if ip, ok := peerip.Of(httpcall.Peer(r).Addr); ok {
		pairs = append(pairs, forwardedFor, ip.String())
	}
	md := rpcx.Pairs(pairs...)
	if p.config.Identify == nil {
		return md, nil
	}
	who, err := p.config.Identify(r)
	if err == nil {
		return md.Merge(who), nil
	}
	var e *rpcx.Error
	if errors.As(err, &e) {
		return rpcx.Metadata{}, e.NotExecuted()
	}
	return rpcx.Metadata{}, rpcx.Errorf(rpcx.Unauthenticated, "%w", err).NotExecuted()
}
