// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// leftOut counts the servers that discovery reported and the client does not call.
type leftOut struct{ inactive, group, filter int }

// eligible leaves out instances that are switched off, belong to another group, are
// refused by the filter, stand twice, or cannot be used; the error says which are the
// last.
func (c *Client) eligible(service string, instances []registry.Instance) (kept []registry.Instance, left leftOut, err error) {
	var bad []error
	kept = make([]registry.Instance, 0, len(instances))
	seen := make(map[string]bool, len(instances))
	for _, in := range instances {
		if in.Service != "" && in.Service != service || seen[in.Key()] {
			continue
		}
		switch {
		case in.Meta.Get("state") == "inactive":
			left.inactive++
			continue
		case c.config.Group != "" && !slices.Contains(in.Meta["group"], c.config.Group):
			left.group++
			continue
		case c.config.Filter != nil && !c.config.Filter(in):
			left.filter++
			continue
		}
		if err := c.dialable(in); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", in.Key(), err))
			continue
		}
		seen[in.Key()] = true
		kept = append(kept, in)
	}
	return kept, left, errors.Join(bad...)
}

// dialable says why an instance cannot be dialled, whatever its server does.
func (c *Client) dialable(in registry.Instance) error {
	if _, err := c.config.transports.Lookup(in.Network); err != nil {
		return fmt.Errorf("%w; add its transport to Option.Transports", err)
	}
	if !strings.HasPrefix(in.Network, "tcp") {
		return nil
	}
	if _, _, err := net.SplitHostPort(in.Addr); err != nil {
		return fmt.Errorf("%w; want host:port", err)
	}
	return nil
}

// nobody is the error of a call that no server was found for. It says where they went.
func (s *snapshot) nobody(service string) error {
	if s.bad != nil && len(s.nodes) == 0 {
		return rpcx.Unsent(rpcx.InvalidArgument, "client: no usable server of %s: %w", service, s.bad)
	}
	var why []string
	for _, w := range []struct {
		count int
		what  string
	}{
		{s.left.inactive, "inactive"},
		{s.left.group, "not of the group that Option.Group wants"},
		{s.left.filter, "refused by Option.Filter"},
		{len(s.nodes), "not chosen by the policy"},
	} {
		if w.count > 0 {
			why = append(why, fmt.Sprintf("%d %s", w.count, w.what))
		}
	}
	if why == nil {
		why = []string{"discovery knows none"}
	}
	return rpcx.Unsent(rpcx.Unavailable, "client: can not found any server of %s: %s", service, strings.Join(why, ", "))
}
