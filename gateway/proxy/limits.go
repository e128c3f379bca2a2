// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/netip"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/internal/peerip"
	"github.com/rpcx-go/rpcx/internal/tokenbucket"
)

// limits are what all requests, or those of one caller, may cost together.
type limits struct {
	all, each *tokenbucket.Buckets // of calls; nil: no limit
	places    *places              // of requests
	bodies    *httpcall.Total      // of all requests
	bounds    httpcall.Bounds      // of one request
}

func newLimits(c *Config) limits {
	client := c.Client.Limits.WithDefaults()
	write := c.Client.WriteTimeout
	if write <= 0 {
		write = 10 * time.Second
	}
	return limits{
		all:    buckets(c.Rate, 1),
		each:   buckets(c.PeerRate, 0),
		places: &places{limit: c.MaxRequests, each: c.MaxPeerRequests, taken: make(map[netip.Prefix]int)},
		bodies: httpcall.NewTotal(int64(c.MaxBodies), errTooLarge),
		bounds: httpcall.Bounds{Body: c.MaxBody, Stall: client.Stall, Write: write},
	}
}

// buckets returns the token buckets of a rate, nil for none; keys is how many, 0 for the
// default.
func buckets(r Rate, keys int) *tokenbucket.Buckets {
	if r.PerSecond <= 0 {
		return nil
	}
	return tokenbucket.New(tokenbucket.Rate{PerSecond: r.PerSecond, Burst: r.Burst, MaxKeys: keys})
}

// caller returns what stands for a single caller.
func caller(peer rpcx.Peer) string { return peerip.Caller(peer.Addr).String() }

var (
	errTooFast  = rpcx.Errorf(rpcx.ResourceExhausted, "gateway: calls come too fast").NotExecuted()
	errTooLarge = rpcx.Errorf(rpcx.Unavailable, "gateway: the bodies of all requests are as large as may be").NotExecuted().WithPause(time.Second)
)

// charge takes a token for a call, or says why it may not run. The caller's own limit
// comes first, so that one who is too fast does not use up what is for all.
func (l *limits) charge(peer rpcx.Peer) error {
	if l.each != nil {
		if wait := l.each.Take(caller(peer)); wait > 0 {
			return errTooFast.WithPause(wait)
		}
	}
	if l.all != nil {
		if wait := l.all.Take(""); wait > 0 {
			return errTooFast.WithPause(wait)
		}
	}
	return nil
}

// enter takes a place for a request, or says why there is none.
func (l *limits) enter(peer rpcx.Peer) (place, error) {
	return l.places.take(peerip.Caller(peer.Addr))
}
