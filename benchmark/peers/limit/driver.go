// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"errors"
	"sync"

	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// driver is the lanes of a load.
type driver []*lane

// Dial implements peers.Limit.
func (e Echo) Dial(ctx context.Context, addr string, load peers.Load, r peers.Recorder) (peers.Driver, error) {
	var d driver
	for i := range load.Conns {
		first, end := i*load.Callers/load.Conns, (i+1)*load.Callers/load.Conns
		if e.PingPong {
			end = min(end, first+1)
		}
		if first == end {
			continue // more connections than callers
		}
		l, err := e.dial(ctx, addr, first, end-first, load.Payload, r)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d = append(d, l)
	}
	return d, nil
}

// Drive implements peers.Driver. When one lane fails all end.
func (d driver) Drive(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(d))
	var driving sync.WaitGroup
	for i, l := range d {
		driving.Go(func() {
			if errs[i] = l.drive(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	driving.Wait()
	return errors.Join(errs...)
}

// Close implements peers.Driver.
func (d driver) Close() error {
	errs := make([]error, len(d))
	for i, l := range d {
		errs[i] = l.close()
	}
	return errors.Join(errs...)
}
