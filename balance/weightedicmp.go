// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// WeightedICMP is a weighted round robin whose weights are the quality of the network:
// 191 for servers that an ICMP echo comes back from within 10 ms, less by one for every
// further millisecond, 1 from 200 ms on, and 0 from a second on or without an answer.
// While nobody answers all servers are alike.
//
// Servers are measured all the time, beside the calls. Where ICMP is not permitted, or
// not answered, it is the time that a TCP connection takes; the log says so once.
// Servers on this machine that have no IP address are 0 ms away.
type WeightedICMP struct {
	// Interval is the time between measurements of a server. Default 10 s.
	Interval time.Duration
	// Measure returns the time that one round trip takes. It ends when ctx does, and is
	// called for several servers at once. Default: as said above.
	Measure func(ctx context.Context, in registry.Instance) (time.Duration, error)
	// Logger is told when ICMP is not permitted. Default: slog.Default().
	Logger *slog.Logger
}

const (
	rounds     = 3           // of which the mean counts
	atOnce     = 8           // servers that are measured at the same time
	unmeasured = 191         // the weight of a server until it is measured
	echoLimit  = time.Second // for one round
)

// NewPicker implements Policy. It starts to measure; Close of the picker ends that.
func (w WeightedICMP) NewPicker(set []registry.Instance, last Picker) Picker {
	p := &icmpPicker{set: set, measure: w.Measure, interval: cmp.Or(max(w.Interval, 0), 10*time.Second)}
	l, _ := last.(*icmpPicker)
	if l == nil {
		l = new(icmpPicker)
	}
	if p.measure == nil {
		if p.pinger = l.pinger; p.pinger == nil {
			p.pinger = &pinger{logger: cmp.Or(w.Logger, slog.Default()), listen: listenICMP}
		}
		p.measure = p.pinger.roundTrip
	}
	known, byKey := carry(set, l.weights)
	p.known, p.weights = known, byKey
	p.weigh(l.turns.Load())
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.done.Go(func() { p.run(ctx) })
	return p
}

// quality is the weight of a server as measured last.
type quality struct {
	measured atomic.Bool
	weight   atomic.Int32
}

type icmpPicker struct {
	set      []registry.Instance
	measure  func(context.Context, registry.Instance) (time.Duration, error)
	pinger   *pinger // nil: the measure is the user's
	interval time.Duration

	known   []*quality
	weights map[string]*quality
	turns   atomic.Pointer[weightedPicker]

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Pick implements Picker.
func (p *icmpPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	if i := p.turns.Load().Pick(ctx, call, usable); i >= 0 {
		return i
	}
	return randomPicker(len(p.set)).Pick(ctx, call, usable) // those that did not answer are all that is left
}

// Close ends the measuring, and waits until it has ended.
func (p *icmpPicker) Close() error {
	p.cancel()
	p.done.Wait()
	return nil
}

func (p *icmpPicker) run(ctx context.Context) {
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for {
		p.measureAll(ctx)
		if ctx.Err() != nil {
			return
		}
		p.weigh(p.turns.Load())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *icmpPicker) measureAll(ctx context.Context) {
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, in := range p.set {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			weight := p.mean(ctx, in)
			if ctx.Err() == nil {
				p.known[i].weight.Store(int32(weight))
				p.known[i].measured.Store(true)
			}
		})
	}
	group.Wait()
}

// mean measures a server several times and returns its weight.
func (p *icmpPicker) mean(ctx context.Context, in registry.Instance) int {
	var sum time.Duration
	for range rounds {
		ctx, cancel := context.WithTimeout(ctx, echoLimit)
		took, err := p.measure(ctx, in)
		cancel()
		if err != nil {
			return 0
		}
		sum += took
	}
	return weightOf(sum / rounds)
}

// weightOf is rpcx's weight for a round trip.
func weightOf(took time.Duration) int {
	switch ms := int(took / time.Millisecond); {
	case ms <= 10:
		return 191
	case ms <= 200:
		return 201 - ms
	case ms < 1000:
		return 1
	default:
		return 0
	}
}

// weigh makes the picker go by what is known now.
func (p *icmpPicker) weigh(last *weightedPicker) {
	weights := make([]int, len(p.known))
	for i, q := range p.known {
		if weights[i] = int(q.weight.Load()); !q.measured.Load() {
			weights[i] = unmeasured
		}
	}
	p.turns.Store(newWeightedPicker(weights, last))
}
