// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync/atomic"
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
	bodies    *atomic.Int64        // bytes
	most      int64                // of them
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
		bodies: new(atomic.Int64),
		most:   int64(c.MaxBodies),
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

// reserve counts bytes in advance, if there is room for them.
func (l *limits) reserve(size int64) bool {
	if l.bodies.Add(size) <= l.most {
		return true
	}
	l.bodies.Add(-size)
	return false
}

// hold counts what is read of a request's body. release is to be called when it is not
// needed any more.
func (l *limits) hold(r *http.Request) (release func()) {
	b := &body{ReadCloser: r.Body, limits: l}
	r.Body = b
	return func() { l.bodies.Add(-b.size) }
}

// body counts what is read of a request's body.
type body struct {
	io.ReadCloser

	limits *limits
	size   int64
}

// Limit is what package httpcall asks for.
func (b *body) Limit() int64 { return int64(b.limits.bounds.Body) }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.size += int64(n)
	if b.limits.bodies.Add(int64(n)) > b.limits.most {
		return n, fmt.Errorf("%w", errTooLarge)
	}
	return n, err
}
