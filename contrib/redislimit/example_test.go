// SPDX-License-Identifier: Apache-2.0

package redislimit_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/contrib/redislimit"
)

// Where there is no Redis, calls pass, or are refused if the limit matters more.
func Example() {
	limit := redislimit.New(redislimit.Config{
		Redis:      redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}}, // nobody listens there
		Rate:       100,
		FailClosed: true,
		Logger:     slog.New(slog.DiscardHandler),
	})
	defer limit.Close()
	call := rpcx.Chain([]rpcx.Interceptor{limit.Interceptor()}, func(context.Context, *rpcx.Call) error { return nil })
	err := call(context.Background(), &rpcx.Call{Side: rpcx.ServerSide, Service: "Math", Method: "Double"})
	fmt.Println(rpcx.CodeOf(err), rpcx.SafeToRetry(err))
	// Output: unavailable true
}
