// SPDX-License-Identifier: Apache-2.0

// Package stock is a service, and code that calls it; its tests show how both are
// tested.
package stock

import (
	"context"
	"sync"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
)

// Order asks for a number of things.
type Order struct {
	Item  string
	Count int
}

// Stock is the service.
type Stock struct {
	mu   sync.Mutex
	have map[string]int
}

// New returns a stock with the given things in it.
func New(have map[string]int) *Stock { return &Stock{have: have} }

// Take takes things out and tells how many are left.
func (s *Stock) Take(_ context.Context, order *Order, left *int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.have[order.Item]
	if have < order.Count {
		return rpcx.Errorf(rpcx.FailedPrecondition, "only %d of %s are left", have, order.Item)
	}
	s.have[order.Item] = have - order.Count
	*left = s.have[order.Item]
	return nil
}

// Sell calls the service. A customer who cannot be served is not an error.
func Sell(ctx context.Context, stock client.Caller, item string) (sold bool, err error) {
	_, err = client.Invoke[int](ctx, stock, "Take", &Order{Item: item, Count: 1})
	switch rpcx.CodeOf(err) {
	case 0:
		return true, nil
	case rpcx.FailedPrecondition:
		return false, nil
	default:
		return false, err
	}
}
