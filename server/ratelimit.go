// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/peerip"
	"github.com/rpcx-go/rpcx/internal/tokenbucket"
)

// RateLimit says how many calls a second a server takes from each caller. Zero of a
// field means its default.
type RateLimit struct {
	// Rate is how many calls a second each key may make in the long run. Default 1000.
	Rate float64
	// Burst is how many it may make at once after a rest. Default: those of one second,
	// at least 1.
	Burst int
	// Key says whose call it is; calls with the same key share a limit. Default: the IP
	// address of the peer, for IPv6 the network of 64 bits that it is in. It runs on the
	// goroutine that reads the connection, before authentication, so it must be quick and
	// must not believe what the call says of itself. The Args of the call are not decoded.
	// See middleware.PeerIP and its like.
	Key func(ctx context.Context, c *rpcx.Call) string
	// MaxKeys is how many keys are remembered: when as many are busy, all further ones
	// share one limit. Default 10,000.
	MaxKeys int
}

// WithRateLimit refuses calls that come too fast, with ResourceExhausted and the time
// after which the next one will pass. They are answered before anything of them is
// authenticated or decoded. Heartbeats, cancels and calls of HealthService are free, so
// that a client which makes no calls is not charged. Default: no limit.
func WithRateLimit(r RateLimit) Option {
	return option(func(c *config) { c.rateLimit = &r })
}

// rateLimiter is a RateLimit at work; nil: there is none.
type rateLimiter struct {
	buckets *tokenbucket.Buckets
	key     func(ctx context.Context, c *rpcx.Call) string
	refusal *rpcx.Error
}

func newRateLimiter(r *RateLimit) *rateLimiter {
	if r == nil {
		return nil
	}
	rate := tokenbucket.Rate{PerSecond: r.Rate, Burst: r.Burst, MaxKeys: r.MaxKeys}.WithDefaults()
	l := &rateLimiter{buckets: tokenbucket.New(rate), key: r.Key}
	l.refusal = rpcx.Errorf(rpcx.ResourceExhausted, "server: over the limit of %v a second", rate.PerSecond).NotExecuted()
	if l.key == nil {
		l.key = func(_ context.Context, c *rpcx.Call) string { return peerip.Caller(c.Peer.Addr).String() }
	}
	return l
}

// charge takes a token for the call, or says why it may not run.
func (l *rateLimiter) charge(in *inbound) (err error) {
	if l == nil || in.method != nil && in.method.vital {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			in.conn.server.notePanic("the key of a rate limit", r)
			err = rpcx.Errorf(rpcx.Internal, "server: rate limit failed").NotExecuted()
		}
	}()
	if wait := l.buckets.Take(l.key(in, &in.call)); wait > 0 {
		return l.refusal.WithPause(wait)
	}
	return nil
}
