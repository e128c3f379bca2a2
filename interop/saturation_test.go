// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/tcp"
)

// A server that runs as many handlers for a connection as it may goes on to answer
// heartbeats and to heed cancellations: it must, for they are what ends it.

// saturated is our server with the two handlers that it runs at once busy and a third
// call waiting, on one connection.
type saturated struct {
	log      *journal
	cancel   context.CancelFunc // of the calls
	outcomes []<-chan error
}

func saturate(t *testing.T, client framework, heartbeat, wait time.Duration) *saturated {
	t.Helper()
	s := &saturated{log: new(journal)}
	tap := newTap()
	n := &network{name: "tcp", scheme: "tcp", below: "tcp", transport: tcp.New()}
	server, err := ours{}.serve(serverSetting{network: n, log: s.log, options: []server.Option{
		server.WithLimits(server.Limits{HandlersPerConn: 2}),
	}})
	must(t, err)
	t.Cleanup(server.stop)
	d := dialects()[protocol.MsgPack]
	cl, err := client.open(clientSetting{
		network: n, address: server.address(), dialect: d, service: d.service,
		heartbeat: heartbeat, heartbeatWait: wait, tap: tap,
	})
	must(t, err)
	t.Cleanup(cl.close)
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(t.Context())
	t.Cleanup(s.cancel)
	for i := range 3 {
		s.outcomes = append(s.outcomes, cl.begin(ctx, "Hold", d.args(question{Key: key(i)}), d.reply()))
		must(t, tap.wait(t.Context(), func(frames []seen) bool { return holds(frames) == i+1 }))
	}
	return s
}

func key(i int) string { return fmt.Sprintf("call%d", i) }

func holds(frames []seen) int {
	n := 0
	for _, f := range frames {
		if f.toServer && f.Method == "Hold" {
			n++
		}
	}
	return n
}

func TestHeartbeatsOfSaturatedConnection(t *testing.T) {
	t.Parallel()
	const wait = 100 * time.Millisecond // after which a client takes the server for dead
	for _, f := range frameworks() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			if raceDetector && f == (theirs{}) {
				t.Skip("a real client has a data race when a heartbeat is not answered in time")
			}
			s := saturate(t, f, 5*time.Millisecond, wait)
			timer := time.NewTimer(50 * wait)
			defer timer.Stop()
			var err error
			select {
			case err = <-s.outcomes[2]:
			case <-timer.C:
			}
			must(t, err)
		})
	}
}

func TestCancelOnSaturatedConnection(t *testing.T) {
	t.Parallel()
	s := saturate(t, ours{}, 0, 0)
	s.cancel()
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	must(t, s.log.wait(ctx, "ended "+key(0)))
}
