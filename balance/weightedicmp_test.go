// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// network is how far away servers are.
type network struct {
	mu       sync.Mutex
	latency  map[string]time.Duration // by address; negative: no answer
	measured map[string]int
}

func newNetwork(latency ...time.Duration) *network {
	n := &network{latency: make(map[string]time.Duration), measured: make(map[string]int)}
	for i, in := range servers(len(latency)) {
		n.latency[in.Addr] = latency[i]
	}
	return n
}

func (n *network) set(i int, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latency[servers(i + 1)[i].Addr] = d
}

func (n *network) measure(ctx context.Context, in registry.Instance) (time.Duration, error) {
	n.mu.Lock()
	took := n.latency[in.Addr]
	n.measured[in.Addr]++
	n.mu.Unlock()
	if took < 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return took, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

const ms = time.Millisecond

// The weights are rpcx's.
func TestWeightedICMPWeights(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{
		0: 191, 300 * time.Microsecond: 191, 10 * ms: 191, 11 * ms: 190, 100 * ms: 101, 200 * ms: 1, 201 * ms: 1, 999 * ms: 1, time.Second: 0, -1: 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(0, took)
			p := balance.WeightedICMP{Measure: n.measure}.NewPicker(servers(2), nil)
			closing(t, p)
			time.Sleep(9 * time.Second)
			if counts := draw(p, 2, 191+want, all); counts[0] != 191 || counts[1] != want {
				t.Errorf("%v: picked %v, want 191 and %d", took, counts, want)
			}
		})
	}
}

// Servers are measured again and again, and the choice follows.
func TestWeightedICMPMeasuresOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(100*ms, 5*ms)
		p := balance.WeightedICMP{Measure: n.measure}.NewPicker(servers(2), nil)
		closing(t, p)
		if counts := draw(p, 2, 100, all); counts[0] != 50 {
			t.Errorf("before they are measured picked %v", counts)
		}
		time.Sleep(5 * time.Second)
		if counts := draw(p, 2, 292, all); counts[0] != 101 {
			t.Errorf("picked %v, want 101 to 191", counts)
		}
		n.set(0, ms)
		n.set(1, -1)
		time.Sleep(15 * time.Second)
		if counts := draw(p, 2, 100, all); counts[0] != 100 {
			t.Errorf("picked %v after the second fell silent", counts)
		}
		n.set(0, -1)
		time.Sleep(15 * time.Second)
		if counts := draw(p, 2, 1000, all); counts[0] < 400 || counts[1] < 400 {
			t.Errorf("picked %v while both are silent, want each alike", counts)
		}
		time.Sleep(time.Hour)
		n.mu.Lock()
		defer n.mu.Unlock()
		if got := n.measured[servers(1)[0].Addr]; got < 360 || got > 3*370 {
			t.Errorf("measured %d times in an hour, every 10 s", got)
		}
	})
}

// A new list keeps what was measured. The old picker stops measuring when it is closed.
func TestWeightedICMPTakesOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(ms, 200*ms, ms)
		policy := balance.WeightedICMP{Measure: n.measure, Interval: time.Minute}
		first := policy.NewPicker(servers(2), nil)
		time.Sleep(30 * time.Second)
		n.set(0, -1) // what follows cannot be measured
		n.set(1, -1)
		n.set(2, -1)
		second := policy.NewPicker(servers(3), first)
		began := time.Now()
		if err := first.(interface{ Close() error }).Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("close took %v, %v", time.Since(began), err)
		}
		if counts := draw(second, 3, 383, all); !slices.Equal(counts, []int{191, 1, 191, 0}) {
			t.Errorf("picked %v, want what was known, and the new one like the best", counts)
		}
		began = time.Now()
		closing(t, second) // in the middle of a measurement
		synctest.Wait()
		if time.Since(began) != 0 {
			t.Error("it took time")
		}
	})
}

// However many servers there are, few are measured at a time.
func TestWeightedICMPMeasuresFewAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		measure := func(context.Context, registry.Instance) (time.Duration, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(ms)
			mu.Lock()
			now--
			mu.Unlock()
			return ms, errors.New("no")
		}
		p := balance.WeightedICMP{Measure: measure}.NewPicker(servers(100), nil)
		closing(t, p)
		time.Sleep(5 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if most != 8 {
			t.Errorf("measured %d at a time, want 8", most)
		}
	})
}
