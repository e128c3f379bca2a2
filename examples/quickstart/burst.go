// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/client"
)

const (
	callers  = 64
	burstFor = time.Second
)

// burst counts how many calls many callers make in a second. They share one
// connection. It is a demonstration and not a benchmark: both sides run here, and
// so does whatever else the machine is doing.
func burst(x *client.XClient) {
	var calls atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			args, reply := &Args{A: 6, B: 7}, new(Reply)
			for time.Since(began) < burstFor {
				if err := x.Call(context.Background(), "Mul", args, reply); err != nil {
					log.Fatal(err)
				}
				calls.Add(1)
			}
		})
	}
	wg.Wait()
	say("burst", fmt.Sprintf("Mul(6, 7) by %d callers", callers), fmt.Sprintf("%.0f calls/s on one connection",
		float64(calls.Load())/time.Since(began).Seconds()))
}
