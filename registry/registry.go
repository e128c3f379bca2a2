// SPDX-License-Identifier: Apache-2.0

// Package registry is how servers make themselves known and clients find them.
// [Resolver] and [Registrar] are two jobs; an implementation may do either or both.
// The sub-packages are implementations.
package registry

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Instance is one server of one service.
type Instance struct {
	Service string     // may be empty where a resolver serves one service only
	Network string     // "tcp", "unix", ...
	Addr    string     // "10.0.0.1:8972", "/run/arith.sock", ...
	Meta    url.Values // "group", "state", "weight", ...; must not be changed
}

// Key returns the instance's place as rpcx writes it: network@addr.
func (i Instance) Key() string { return i.Network + "@" + i.Addr }

// Equal reports whether two instances are the same in every respect.
func (i Instance) Equal(o Instance) bool {
	return i.Service == o.Service && i.Network == o.Network && i.Addr == o.Addr && maps.EqualFunc(i.Meta, o.Meta, slices.Equal)
}

// Resolver finds the servers of services.
type Resolver interface {
	// Watch calls update with every server of the service, at once and again whenever
	// that changes, until ctx ends or the watch cannot go on; it then returns why. It
	// survives outages of what it asks: the last snapshot stays. A snapshot is whole, and
	// nobody changes it any more; an empty one means that there are no servers. update is
	// called by one goroutine at a time.
	Watch(ctx context.Context, service string, update func([]Instance)) error
}

// Registrar makes servers known.
type Registrar interface {
	// Register makes in known. It returns once that is done or ctx ends.
	Register(ctx context.Context, in Instance) (Lease, error)
}

// Lease keeps a registration alive until it is released. It re-registers after an
// outage of the registry by itself.
type Lease interface {
	// Update replaces the instance's metadata.
	Update(ctx context.Context, meta url.Values) error
	// Release takes the registration back. It returns once nobody can find the
	// instance any more or ctx ends. The second call does nothing.
	Release(ctx context.Context) error
}

// ParseKey splits network@addr as rpcx writes it. A key without a network is TCP.
func ParseKey(key string) (network, addr string, err error) {
	network, addr, ok := strings.Cut(key, "@")
	if !ok {
		network, addr = "tcp", key
	}
	if network == "" || addr == "" {
		return "", "", fmt.Errorf("registry: address %.100q is not of the form network@address", key)
	}
	return network, addr, nil
}

// ParseMeta reads metadata as rpcx writes it beside an address: a URL query, in which
// a key may stand more than once. Text that is not a query is an error; what could be
// read of it is returned as well.
func ParseMeta(query string) (url.Values, error) {
	meta, err := url.ParseQuery(query)
	if err != nil {
		return meta, fmt.Errorf("registry: metadata %.100q: %w", query, err)
	}
	return meta, nil
}

// FormatMeta is the reverse of ParseMeta, ordered by key.
func FormatMeta(meta url.Values) string { return meta.Encode() }
