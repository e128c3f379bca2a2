// SPDX-License-Identifier: Apache-2.0

// Package redislimit limits the rate of calls over all servers of a cluster, which
// count in one Redis, of version 5 or later:
//
//	limit := redislimit.New(redislimit.Config{
//		Redis: redis.UniversalOptions{Addrs: []string{"redis:6379"}},
//		Rate:  100,
//	})
//	defer limit.Close()
//	s := server.NewServer(server.WithInterceptor(limit.Interceptor()))
//
// It refuses like middleware.RateLimit, with ResourceExhausted and the time after which
// the next call will pass, and works on clients as well. Each call costs a round trip to
// Redis. While Redis cannot be reached calls pass unlimited, or are refused, as
// configured; that never costs a connection of a client.
//
// Redis keeps one small value for each key, for as long as its bucket takes to fill.
// The clock is that of Redis: those of the servers need not agree.
package redislimit
