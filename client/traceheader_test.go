// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/rpctest"
)

// headerTracer is an observer that sends the number of the attempt along.
type headerTracer struct{}

func (headerTracer) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	if info.Side == rpcx.ClientSide && info.Attempt > 0 {
		info.Header = info.Header.With("attempt", strconv.Itoa(info.Attempt))
	}
	return ctx
}

func (headerTracer) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult) {}

// What an observer adds to the header goes with the attempt that it was told of, and
// with no other; interceptors and the caller do not see it.
func TestObserverAddsToTheHeaderOfAnAttempt(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	var mu sync.Mutex
	var arrived []string
	err := s.RegisterFunctionName("S", "M", func(ctx context.Context, _ *int, _ *int) error {
		mu.Lock()
		defer mu.Unlock()
		md := rpcx.IncomingMetadata(ctx)
		arrived = append(arrived, md.Get("attempt")+" "+md.Get("user"))
		if len(arrived) < 3 {
			return rpcx.Errorf(rpcx.Unavailable, "again").NotExecuted()
		}
		return nil
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	x := client.NewXClient("S", client.Failtry, client.RandomSelect, s.Discovery(), s.Option(client.Option{
		Observer: headerTracer{},
		AttemptInterceptors: []rpcx.Interceptor{{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
			return func(ctx context.Context, c *rpcx.Call) error {
				err := next(ctx, c)
				if got := c.Header.Get("attempt"); got != "" {
					t.Errorf("the interceptor sees attempt %q in the header", got)
				}
				return err
			}
		}}},
	}))
	defer x.Close()
	var reply int
	if err := x.Call(t.Context(), "M", new(int), &reply, client.WithMetadata(rpcx.Pairs("user", "ada"))); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 ada", "2 ada", "3 ada"}; !slices.Equal(arrived, want) {
		t.Errorf("arrived with %q, want %q", arrived, want)
	}
}
