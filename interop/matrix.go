// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

// capability is something that peers can do together.
type capability struct {
	name string
	// codecs says that it runs in every codec; otherwise in MessagePack alone.
	codecs bool
	// packings is what it runs in.
	packings []packing
	// streams says that it is about them alone, not about what is on top of them.
	streams bool
	// heavy says that it takes long.
	heavy bool
	// run tries it. A note says that rpcx has a defect here and that our side copes.
	run func(ctx context.Context, c *cell) (noteID, error)
}

// capabilities returns all of them, in the order of the table.
func capabilities() []*capability {
	all, bare := []packing{plain, gzipBelow, gzipAbove}, []packing{plain}
	return []*capability{
		{name: "unary", codecs: true, packings: all, run: unary},
		{name: "async", codecs: true, packings: all, run: async},
		{name: "one-way", codecs: true, packings: all, run: oneway},
		{name: "out of order", codecs: true, packings: all, run: outOfOrder},
		{name: "64 callers", codecs: true, packings: all, run: manyCallers},
		{name: "8 MiB", codecs: true, packings: []packing{plain, gzipAbove}, heavy: true, run: large},
		{name: "deadline", codecs: true, packings: all, run: deadline},
		{name: "cancel", packings: bare, run: cancel},
		{name: "metadata", codecs: true, packings: all, run: metadata},
		{name: "service error", codecs: true, packings: all, run: serviceError},
		{name: "panic", codecs: true, packings: bare, run: panics},
		{name: "unknown service", codecs: true, packings: all, run: unknownService},
		{name: "unknown method", codecs: true, packings: all, run: unknownMethod},
		{name: "bad arguments", codecs: true, packings: all, run: badArguments},
		{name: "bad reply", codecs: true, packings: all, run: badReply},
		{name: "auth accepted", codecs: true, packings: all, run: authAccepted},
		{name: "auth refused", codecs: true, packings: all, run: authRefused},
		{name: "heartbeat", codecs: true, packings: bare, run: heartbeat},
		{name: "push", codecs: true, packings: bare, run: push},
		{name: "gzip bits", codecs: true, packings: all, run: gzipBits},
		{name: "shutdown", packings: bare, run: shutdown},
		{name: "unix with TLS", packings: bare, streams: true, run: unixWithTLS},
	}
}

// stand is one of the servers of the matrix.
type stand struct {
	framework framework
	network   *network
}

// bench is what the cells work with.
type bench struct {
	folder    string
	families  []*family
	unixTLS   *network
	relay     *relay // nil: quic is left out
	log       *journal
	open      map[stand]serving // take any call
	protected map[stand]serving // want the token
	// zipping is held by cells in which real rpcx compresses: it does so in memory that
	// it has given back, so that two at once spoil each other's (note Q6).
	zipping sync.Mutex
}

// newBench starts the servers.
func newBench() (*bench, error) {
	b := &bench{log: new(journal), open: make(map[stand]serving), protected: make(map[stand]serving)}
	var err error
	if b.folder, err = os.MkdirTemp("", "interop"); err != nil { // paths of sockets must be short
		return nil, err
	}
	server, client, err := certificates()
	if err != nil {
		return b, err
	}
	if b.relay, err = startRelay(b.folder, server); err != nil && (!errors.Is(err, errNoRelay) || os.Getenv("CI") != "") {
		return b, err
	}
	if b.families, b.unixTLS, err = families(b.folder, server, client, b.relay); err != nil {
		return b, err
	}
	for _, f := range b.families {
		for _, n := range f.networks {
			if err := b.serve(n); err != nil {
				return b, err
			}
		}
	}
	return b, nil
}

// serve starts the servers of a network.
func (b *bench) serve(n *network) (err error) {
	for _, f := range frameworks() {
		s := stand{f, n}
		if b.open[s], err = f.serve(serverSetting{network: n, log: b.log}); err != nil {
			return fmt.Errorf("%s server on %s: %w", f, n, err)
		}
		if b.protected[s], err = f.serve(serverSetting{network: n, log: b.log, token: goodToken}); err != nil {
			return fmt.Errorf("%s server on %s: %w", f, n, err)
		}
	}
	return nil
}

// close stops the servers.
func (b *bench) close() {
	for _, servers := range []map[stand]serving{b.open, b.protected} {
		for _, s := range servers {
			if s != nil {
				s.stop()
			}
		}
	}
	if b.relay != nil {
		b.relay.stop()
	}
	_ = os.RemoveAll(b.folder) // in the system's folder for what may stay behind
}

// cells returns every cell, in the order of the tables.
func (b *bench) cells() []*cell {
	var cells []*cell
	for _, f := range b.families {
		for _, k := range capabilities() {
			for _, d := range dialects() {
				for _, p := range k.packings {
					if !k.runs(f, d, p) {
						continue
					}
					for _, pr := range pairs() {
						for _, n := range f.networks {
							cells = append(cells, &cell{
								capability: k, dialect: d, packing: p, pair: pr, family: f, network: n, bench: b,
								name: fmt.Sprintf("cell%d", len(cells)),
							})
						}
					}
				}
			}
		}
	}
	return cells
}

// runs reports whether there are cells of a capability in one codec and packing.
func (k *capability) runs(f *family, d *dialect, p packing) bool {
	switch {
	case d.codec == protocol.MsgPack:
		return f.all || !k.streams
	case k.heavy && raceDetector:
		return false // minutes, for code that the other rows run as well
	default:
		return k.codecs && (f.all || p == plain)
	}
}

// pairs returns who calls whom, the control last.
func pairs() []pair {
	return []pair{{ours{}, ours{}}, {ours{}, theirs{}}, {theirs{}, ours{}}, {theirs{}, theirs{}}}
}

// Bounds of a run: how many cells at once, and how long one may take.
const (
	atOnce      = 8
	cellTimeout = time.Minute
)

// runAll runs the cells, in no order, so that some compute while others wait.
func (b *bench) runAll(ctx context.Context, cells []*cell) {
	queue := make(chan *cell)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for c := range queue {
				b.runOne(ctx, c)
			}
		})
	}
	for _, i := range rand.Perm(len(cells)) {
		queue <- cells[i]
	}
	close(queue)
	wg.Wait()
}

func (b *bench) runOne(ctx context.Context, c *cell) {
	if c.packing == gzipAbove && c.pair.has(theirs{}) {
		b.zipping.Lock()
		defer b.zipping.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, cellTimeout)
	defer cancel()
	c.run(ctx)
}
