// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/rpcx-go/rpcx/internal/backoff"
	"github.com/rpcx-go/rpcx/registry"
)

// publisher keeps the registry in step with what the server serves. It works in the
// background: a registry that is down keeps nobody from being served.
type publisher struct {
	server *Server
	signal chan struct{} // holds one: there is something to do
	turn   chan struct{} // holds one: the right to change what follows

	leases    map[string]lease // by service and address
	withdrawn bool             // for good
}

type lease struct {
	registry.Lease
	meta string
}

func (p *publisher) init(s *Server) {
	p.server = s
	p.signal = make(chan struct{}, 1)
	p.turn = make(chan struct{}, 1)
	p.leases = make(map[string]lease)
}

// wake makes the publisher look at what is served.
func (p *publisher) wake() {
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// run publishes until the server ends, again after every failure.
func (p *publisher) run() {
	ctx := p.server.lifetime
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.signal:
		}
		err := p.reconcile(ctx, false)
		if err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		p.server.logger.Warn("registration failed, trying again", "error", err)
		if (backoff.Policy{}).Wait(ctx, failures) != nil {
			return
		}
		failures++
		p.wake()
	}
}

// withdraw releases what is not served any more. With final set that is everything,
// and nothing is registered again.
func (p *publisher) withdraw(ctx context.Context, final bool) error {
	if p.server.config.registrar == nil {
		return nil
	}
	return p.reconcile(ctx, final)
}

// delays reports whether clients must be given time to learn of a withdrawal.
func (p *publisher) delays() bool { return p.server.config.registrar != nil }

var errRegistrar = errors.New("the registrar panicked")

// reconcile registers what is missing and releases what is left over; with final
// set, and ever after, everything is left over.
func (p *publisher) reconcile(ctx context.Context, final bool) error {
	select {
	case p.turn <- struct{}{}:
	default:
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-p.turn }()
	wanted, err := p.wanted()
	p.withdrawn = p.withdrawn || final
	if p.withdrawn {
		clear(wanted)
	}
	errs := []error{err}
	for key, l := range p.leases {
		if in, ok := wanted[key]; ok && registry.FormatMeta(in.Meta) == l.meta {
			delete(wanted, key)
			continue
		}
		err := errRegistrar
		p.server.guard("the registrar", func() { err = l.Release(ctx) })
		if err != nil {
			errs = append(errs, fmt.Errorf("server: release %s: %w", key, err))
			continue
		}
		delete(p.leases, key)
	}
	for key, in := range wanted {
		var l registry.Lease
		err := errRegistrar
		p.server.guard("the registrar", func() { l, err = p.server.config.registrar.Register(ctx, in) })
		if err != nil {
			errs = append(errs, fmt.Errorf("server: register %s: %w", key, err))
			continue
		}
		p.leases[key] = lease{Lease: l, meta: registry.FormatMeta(in.Meta)}
	}
	return errors.Join(errs...)
}

// wanted returns the instances that should be registered, by service and address.
func (p *publisher) wanted() (map[string]registry.Instance, error) {
	s := p.server
	var errs []error
	wanted := make(map[string]registry.Instance)
	for _, at := range s.advertised() {
		for name, svc := range *s.table.Load() {
			if svc.hidden {
				continue
			}
			meta, err := registry.ParseMeta(svc.meta)
			if err != nil {
				errs = append(errs, fmt.Errorf("server: service %q: %w", name, err))
			}
			in := registry.Instance{Service: name, Network: at.Network, Addr: at.Addr, Meta: meta}
			wanted[name+" at "+in.Key()] = in
		}
	}
	return wanted, errors.Join(errs...)
}

// advertised returns where clients reach the server.
func (s *Server) advertised() []registry.Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) == 0 {
		return nil
	}
	if s.config.advertise != "" {
		network, addr, err := registry.ParseKey(s.config.advertise)
		if err != nil {
			return nil // refused by newConfig
		}
		return []registry.Instance{{Network: network, Addr: addr}}
	}
	var at []registry.Instance
	for ln := range s.listeners {
		network := ln.network
		if network == "reuseport" {
			network = "tcp" // which is how clients dial it
		}
		at = append(at, registry.Instance{Network: network, Addr: ln.Addr().String()})
	}
	return at
}

// wildcard reports whether addr is one that listens everywhere and can be dialled
// from nowhere else.
func wildcard(addr net.Addr) bool {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return a.IP.IsUnspecified()
	case *net.UDPAddr:
		return a.IP.IsUnspecified()
	default:
		return false
	}
}
