// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// When the client leaves while it has as many handlers as it may, and more calls than
// that, their contexts end: nobody is there who could wait for them.
func TestDisconnectAtTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: limit}))
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		for i := range uint64(limit + 2) {
			p.send(numbered(i, request("S", "block", `{}`)))
			time.Sleep(time.Second)
		}
		p.Close()
		time.Sleep(time.Minute)
		if n := len(b.ended); n < limit {
			t.Errorf("%d of %d handlers have learnt that their client is gone", n, limit)
		}
		if n := len(w.Conns()); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// And a cancel frame must not be stuck behind the calls that wait for a place: it is
// what makes room.
func TestCancelAtTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: limit}))
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		for i := range uint64(limit + 1) {
			p.send(numbered(i, request("S", "block", `{}`)))
			time.Sleep(time.Second)
		}
		for i := range uint64(limit) {
			p.send(cancelFrame(i))
		}
		time.Sleep(time.Minute)
		if n := len(b.ended); n < limit {
			t.Errorf("%d of %d calls ended that were canceled", n, limit)
		}
	})
}
