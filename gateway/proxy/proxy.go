// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/gateway"
	"github.com/rpcx-go/rpcx/internal/notice"
	"github.com/rpcx-go/rpcx/jsonrpc"
	"github.com/rpcx-go/rpcx/registry"
)

// Proxy hands calls that come over HTTP to the services that a resolver finds. Make one
// with New. It is an http.Handler and a dispatcher of calls (gateway.Dispatcher); its
// methods may be called concurrently.
type Proxy struct {
	config   Config
	client   *client.Client
	services *services
	inflate  *compress.Set

	mux   http.ServeMux // of the user's handlers
	calls *gateway.Handler
	rpc   *jsonrpc.Handler
	http  http.Server
	conns atomic.Int64 // of http

	limits  limits
	told    told
	failed  *notice.Notice // calls
	omitted *notice.Notice // methods of services that Config.Allow has

	draining, closed atomic.Bool
}

var errClosed = rpcx.Errorf(rpcx.Unavailable, "gateway: shut down").NotExecuted()

// New makes a proxy to the services that r finds. The modes are a client's: see
// client.NewClient. It opens nothing: the first call does. What is wrong with the
// configuration is an error. Close it when it is not needed any more.
func New(fail client.FailMode, sel client.SelectMode, r registry.Resolver, c Config) (*Proxy, error) {
	if r == nil {
		return nil, rpcx.Errorf(rpcx.InvalidArgument, "proxy: the resolver is nil")
	}
	c, err := c.resolve()
	if err != nil {
		return nil, err
	}
	p := &Proxy{config: c, limits: newLimits(&c), failed: notice.New(c.Client.Logger, "calls through the gateway failed")}
	p.omitted = notice.New(c.Client.Logger, "methods refused that Config.Allow does not have")
	p.inflate, err = compress.NewSet(append([]compress.Compressor{gzip.New()}, c.Client.Compressors...)...)
	if err != nil {
		return nil, rpcx.Errorf(rpcx.InvalidArgument, "proxy: %w", err)
	}
	p.told = told{newNames(), newNames()}
	if c.Client.Observer != nil {
		c.Client.Observer = observer{c.Client.Observer, p.told}
	}
	p.services = newServices(r, &c)
	p.client = client.NewClient(fail, sel, p.services, c.Client)
	p.services.forget = p.client.Forget
	p.calls, p.rpc = gateway.New(p), jsonrpc.New(p)
	p.initServer()
	return p, nil
}

// HandleHTTP makes h serve requests that are no calls and whose method and path fit a pattern
// of http.ServeMux: a page, or metrics. Of all limits those hold for them that are about
// requests, not those about calls. See Config.Hosts for who may see them. A pattern that is
// malformed, or conflicts with another, is an error.
func (p *Proxy) HandleHTTP(pattern string, h http.Handler) (err error) {
	defer func() {
		if r := recover(); r != nil { // that is how ServeMux says it
			err = fmt.Errorf("proxy: handle %q: %v", pattern, r)
		}
	}()
	p.mux.Handle(pattern, h)
	return nil
}

// Drain makes /readyz fail, so that balancers send no further requests, and asks clients
// to close their connections. All goes on otherwise: give them the time to notice, then
// call Shutdown.
func (p *Proxy) Drain() { p.draining.Store(true) }

// Close ends everything at once. Calls that are under way fail with Canceled, later ones
// with Unavailable. It does not close the resolver.
func (p *Proxy) Close() error {
	p.Drain()
	p.closed.Store(true)
	err := p.http.Close()
	p.services.close()
	return errors.Join(err, p.client.Close())
}
