// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"fmt"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
)

// SelectMode says how the server of a call is chosen. Servers that are down, or that
// the call was sent to already, are passed over under every mode.
type SelectMode int

// The select modes, with rpcx's names and numbers. Option.Balance takes any other
// policy; package balance has more.
const (
	// RandomSelect takes each with the same probability, but for one on which 64 calls or
	// more wait, eight times as many as on another.
	RandomSelect SelectMode = iota
	// RoundRobin takes one after the other, with the same exception.
	RoundRobin
	// WeightedRoundRobin takes one after the other, those with a greater weight more often.
	WeightedRoundRobin
	// WeightedICMP prefers servers that are near in the network, as it is measured now.
	WeightedICMP
	// ConsistentHash takes the same server for the same service, method and arguments,
	// or for the same key: see WithHashKey.
	ConsistentHash
	// Closest takes the geographically nearest: see ConfigGeoSelector.
	Closest

	// SelectByUser leaves the choice to Option.Balance, which must be set.
	SelectByUser SelectMode = 1000
)

// String returns the name of the mode.
func (m SelectMode) String() string {
	switch m {
	case RandomSelect:
		return "RandomSelect"
	case RoundRobin:
		return "RoundRobin"
	case WeightedRoundRobin:
		return "WeightedRoundRobin"
	case WeightedICMP:
		return "WeightedICMP"
	case ConsistentHash:
		return "ConsistentHash"
	case Closest:
		return "Closest"
	case SelectByUser:
		return "SelectByUser"
	default:
		return fmt.Sprintf("SelectMode(%d)", int(m))
	}
}

// selection returns what the client chooses with.
func (c *Client) selection(m SelectMode) (p balance.Policy, err error) {
	switch {
	case c.config.Balance != nil:
		p = c.config.Balance
	case m == RandomSelect:
		p = balance.Random{}
	case m == RoundRobin:
		p = balance.RoundRobin{}
	case m == WeightedRoundRobin:
		p = balance.WeightedRoundRobin{}
	case m == WeightedICMP:
		p = balance.WeightedICMP{Logger: c.config.Logger}
	case m == ConsistentHash:
		p = balance.ConsistentHash{}
	case m == Closest:
		c.position = new(balance.Position)
		p = balance.Closest{From: c.position}
	case m == SelectByUser:
		return nil, errors.New("client: SelectByUser wants a policy; set Option.Balance")
	default:
		return nil, fmt.Errorf("client: unknown select mode %d; see Option.Balance", int(m))
	}
	c.even = c.config.Balance == nil && !c.config.Sticky && (m == RandomSelect || m == RoundRobin)
	if c.config.Sticky {
		p = balance.Sticky{Then: p}
	}
	return p, nil
}

// ConfigGeoSelector says where the client is, in degrees, for the select mode Closest.
// It may be called at any time, also again. Until then all servers are equally far. It
// fails with InvalidArgument where that is not a place, and under another select mode.
func (c *Client) ConfigGeoSelector(latitude, longitude float64) error {
	if c.position == nil {
		return rpcx.Unsent(rpcx.InvalidArgument, "client: a position wants the select mode Closest")
	}
	if err := c.position.Set(latitude, longitude); err != nil {
		return rpcx.Unsent(rpcx.InvalidArgument, "client: %w", err)
	}
	return nil
}

// ConfigGeoSelector says where the client is; see Client.ConfigGeoSelector.
func (x *XClient) ConfigGeoSelector(latitude, longitude float64) error {
	return x.client.ConfigGeoSelector(latitude, longitude)
}
