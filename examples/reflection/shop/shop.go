// SPDX-License-Identifier: Apache-2.0

// Package shop is a service with something to describe.
package shop

import (
	"context"
	"embed"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
)

// Source is this folder's Go source: programs do not carry their comments otherwise.
//
//go:embed *.go
var Source embed.FS //nolint:gochecknoglobals // filled by the compiler

// Shop takes orders, and forgets them when it ends.
type Shop struct {
	mu     sync.Mutex
	orders []Order
}

// Size is that of a shirt.
type Size string

// JSONSchema says what Go's types cannot: there are three of them.
func (Size) JSONSchema() []byte { return []byte(`{"type":"string","enum":["S","M","L"]}`) }

// Item is what can be bought.
type Item struct {
	Name  string            `json:"name"`
	Size  Size              `json:"size"`
	Count uint8             `json:"count"` // how many of them
	Notes map[string]string `json:"notes,omitempty"`
}

// Order is a list of items with an end to it.
type Order struct {
	// ID is given by the shop.
	ID       int64         `json:"id"`
	Items    []Item        `json:"items"`
	Placed   time.Time     `json:"placed"`
	Patience time.Duration `json:"patience,omitempty"`
}

// Filter says which orders to list.
type Filter struct {
	// Since leaves older ones out.
	Since time.Time `json:"since"`
}

// Place takes an order, and returns it with its ID.
//
// An order without items is refused.
func (s *Shop) Place(_ context.Context, order *Order, placed *Order) error {
	if len(order.Items) == 0 {
		return rpcx.Errorf(rpcx.InvalidArgument, "an order needs items").WithDetail("field", "items")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*placed = *order
	placed.ID = int64(len(s.orders) + 1)
	s.orders = append(s.orders, *placed)
	return nil
}

// List returns the orders that were placed.
func (s *Shop) List(_ context.Context, filter *Filter, orders *[]Order) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, order := range s.orders {
		if !order.Placed.Before(filter.Since) {
			*orders = append(*orders, order)
		}
	}
	return nil
}

// Clear forgets all orders.
//
// Deprecated: restart the program.
func (s *Shop) Clear(_ context.Context, _ *struct{}, _ *struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = nil
	return nil
}
