// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
)

// A time-out of the call ends it at its time, whoever reads the connection, also for a
// caller whose context never ends.
func TestTimeoutOfACall(t *testing.T) {
	contexts := map[string]func(t *testing.T) context.Context{
		"endless":    func(*testing.T) context.Context { return context.Background() },
		"cancelable": func(t *testing.T) context.Context { return t.Context() },
		"with values": func(*testing.T) context.Context {
			return rpcx.WithMetadata(context.Background(), rpcx.Pairs("tenant", "blue"))
		},
	}
	for name, parent := range contexts {
		t.Run(name, func(t *testing.T) {
			alone(t, func(t *testing.T, c *client.Conn, w *wire) {
				call := func(d time.Duration) error {
					return c.Call(parent(t), "S", "M", []byte("x"), new([]byte), client.WithTimeout(d))
				}
				first := make(chan error, 1)
				began := time.Now()
				go func() { first <- call(2 * time.Second) }()
				w.next()
				synctest.Wait()
				heldBy(t, c, "a caller")
				second := make(chan error, 1)
				go func() { second <- call(time.Second) }()
				w.next()
				for _, wait := range []chan error{second, first} {
					began = began.Add(time.Second)
					err := <-wait
					wantError(t, err, rpcx.DeadlineExceeded, false)
					if !errors.Is(err, context.DeadlineExceeded) || !time.Now().Equal(began) {
						t.Errorf("the call ended %v late: %v", time.Since(began), err)
					}
					w.next() // the cancel
				}
				for _, d := range []time.Duration{-1, 1} {
					if err := call(d); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("time-out of %v: %v", d, err)
					}
				}
			})
		})
	}
}

// The context of such a call works for interceptors as any other does.
func TestTimeoutInInterceptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		look := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			kept = ctx
			if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second {
				t.Errorf("deadline in %v, %t", time.Until(at), ok)
			}
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			time.AfterFunc(time.Second/2, cancel)
			return next(derived, c)
		})
		p := newPeer(t)
		x := p.client(client.Failfast, client.Option{Interceptors: []rpcx.Interceptor{look}})
		began := time.Now()
		err := x.Call(context.Background(), "M", []byte("x"), new([]byte), client.WithTimeout(time.Second))
		wantError(t, err, rpcx.Canceled, false)
		if took := time.Since(began); took != time.Second/2 {
			t.Errorf("the call ended after %v", took)
		}
		<-kept.Done()
		if !errors.Is(kept.Err(), context.Canceled) {
			t.Errorf("after the call its context says %v", kept.Err())
		}
	})
}
