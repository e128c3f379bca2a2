// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

// Discovery finds servers: any registry.Resolver. Closing a client ends its watches;
// it does not close the discovery, which may serve other clients.
type Discovery = registry.Resolver

// KVPair is a server as rpcx writes it down: its address, network@host:port, and its
// metadata, a URL query.
type KVPair struct {
	Key   string
	Value string
}

// NewPeer2PeerDiscovery finds one server, the given one, for every service. metadata
// is a URL query such as "weight=3" and may be empty. A bad address or metadata comes
// back from the first call as InvalidArgument.
func NewPeer2PeerDiscovery(addr, metadata string) Discovery {
	return NewMultipleServersDiscovery([]*KVPair{{Key: addr, Value: metadata}})
}

// MultipleServersDiscovery finds the servers of a list, for every service. Make one
// with NewMultipleServersDiscovery.
type MultipleServersDiscovery struct {
	resolver *static.Resolver
	err      error // of the first list
}

// NewMultipleServersDiscovery finds the given servers, for every service. A bad
// address or metadata comes back from the first call as InvalidArgument.
func NewMultipleServersDiscovery(pairs []*KVPair) *MultipleServersDiscovery {
	instances, err := parsePairs(pairs)
	return &MultipleServersDiscovery{resolver: static.New(instances...), err: err}
}

// Update replaces the list: calls that begin afterwards go to the new servers, and
// connections to servers that are not on it are closed when their calls have ended.
// If any pair is bad nothing changes, and the error says which.
func (d *MultipleServersDiscovery) Update(pairs []*KVPair) error {
	instances, err := parsePairs(pairs)
	if err != nil {
		return err
	}
	d.resolver.Update(instances...)
	return nil
}

// Watch implements registry.Resolver.
func (d *MultipleServersDiscovery) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	if d.err != nil {
		return d.err
	}
	return d.resolver.Watch(ctx, service, update)
}

func parsePairs(pairs []*KVPair) ([]registry.Instance, error) {
	var errs []error
	instances := make([]registry.Instance, 0, len(pairs))
	for _, p := range pairs {
		if p == nil {
			continue
		}
		network, addr, err := registry.ParseKey(p.Key)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		meta, err := registry.ParseMeta(p.Value)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		instances = append(instances, registry.Instance{Network: network, Addr: addr, Meta: meta})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, rpcx.Unsent(rpcx.InvalidArgument, "client: %w", err)
	}
	return instances, nil
}
