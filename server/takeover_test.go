// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

// A connection that is taken over frees its place before the handler goes on with it.
func TestTakenOverConnectionsCountOnce(t *testing.T) {
	t.Parallel()
	var open openConns
	w := onTCP(t, server.WithLimits(server.Limits{ConnectionsPerPeer: 1}), server.WithObserver(&open)).arith()
	err := w.HandleHTTP("CONNECT /_rpcx_", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		nc, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(nc, "HTTP/1.0 200 Connected to rpcx\n\n")
		_ = w.ServeConn("http", nc)
	}))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		nc := w.dialNet(t)
		_, _ = io.WriteString(nc, "CONNECT /_rpcx_ HTTP/1.0\n\n")
		head := make([]byte, len("HTTP/1.0 200 Connected to rpcx\n\n"))
		if _, err := io.ReadFull(nc, head); err != nil {
			t.Fatal(err)
		}
		newPeer(t, nc).call(request("Arith", "Mul", `{"A":6,"B":7}`))
		nc.Close()
		eventually(t, "the connection is gone", func() bool { return w.Stats().Conns == 0 })
	}
	eventually(t, "the observer was told of every end", func() bool { return open.n.Load() == 0 })
}

// openConns counts connections that an observer was told of.
type openConns struct{ n atomic.Int64 }

func (*openConns) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }
func (*openConns) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult)       {}
func (o *openConns) ConnOpen(*rpcx.ConnInfo)                                       { o.n.Add(1) }
func (o *openConns) ConnClose(*rpcx.ConnInfo, error)                               { o.n.Add(-1) }
