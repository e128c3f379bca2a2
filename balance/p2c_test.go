// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
)

// world is servers that take their time.
type world struct {
	picker  balance.Picker
	latency []time.Duration
	err     []error
	counts  []int
}

func newWorld(policy balance.Policy, latency ...time.Duration) *world {
	return &world{
		picker:  policy.NewPicker(servers(len(latency)), nil),
		latency: latency,
		err:     make([]error, len(latency)),
		counts:  make([]int, len(latency)),
	}
}

// load makes n calls, one every pause, whether or not earlier ones have ended, and
// waits for them. It returns how many went to each server.
func (w *world) load(n int, pause time.Duration) []int {
	var group sync.WaitGroup
	clear(w.counts)
	for range n {
		i := pick(w.picker, all)
		w.counts[i]++
		begin(w.picker, i)
		took, err := w.latency[i], w.err[i]
		group.Go(func() {
			time.Sleep(took)
			end(w.picker, i, balance.Outcome{Latency: took, Err: err})
		})
		time.Sleep(pause)
	}
	group.Wait()
	return w.counts
}

func TestP2CIsEvenAmongEquals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.P2C{}, 5*time.Millisecond, 5*time.Millisecond, 5*time.Millisecond, 5*time.Millisecond)
		for _, c := range w.load(8000, time.Millisecond) {
			if c < 1800 || c > 2200 {
				t.Errorf("picked %v, want 2000 each, or nearly", w.counts)
			}
		}
	})
}

// A slow server gets less, in proportion or better, and more again once it is fast.
func TestP2CAvoidsTheSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.P2C{}, 2*time.Millisecond, 2*time.Millisecond, 20*time.Millisecond)
		if got := w.load(6000, time.Millisecond); got[2] > 600 {
			t.Errorf("picked %v, the last is ten times as slow", got)
		}
		w.latency[2] = 2 * time.Millisecond
		w.load(20_000, time.Millisecond)
		if got := w.load(6000, time.Millisecond); got[2] < 1500 {
			t.Errorf("picked %v, the last is as fast as the others again", got)
		}
	})
}

// A server that fails at once must not look fast. One call a second finds out whether
// it is well again.
func TestP2CAvoidsTheFailing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.P2C{}, 5*time.Millisecond, 5*time.Millisecond, time.Microsecond)
		w.err[2] = rpcx.Unsent(rpcx.Unavailable, "busy")
		w.load(100, time.Millisecond)
		const seconds = 20
		if got := w.load(seconds*1000, time.Millisecond); got[2] < seconds/2 || got[2] > 2*seconds {
			t.Errorf("picked %v, want the last about once a second", got)
		}
		w.err[2], w.latency[2] = nil, 5*time.Millisecond
		w.load(20_000, time.Millisecond)
		if got := w.load(6000, time.Millisecond); got[2] < 1000 {
			t.Errorf("picked %v after the last recovered", got)
		}
	})
}

// Calls pending count at once, before any of them has ended.
func TestP2CCountsPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.P2C{}, time.Millisecond, time.Millisecond)
		w.load(100, time.Millisecond)
		for range 50 {
			begin(w.picker, 0) // hangs
		}
		for range 100 {
			if i := pick(w.picker, all); i != 1 {
				t.Fatal("picked the server that has 50 calls pending")
			}
		}
	})
}

// A new server is tried at once, but gets no second call until it has answered.
func TestP2CTriesTheNewOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.P2C{}, time.Millisecond, time.Millisecond)
		w.load(100, time.Millisecond)
		p := balance.P2C{}.NewPicker(servers(3), w.picker)
		toNew := 0
		for range 100 {
			i := pick(p, all)
			begin(p, i)
			if i == 2 {
				toNew++
				continue // hangs
			}
			end(p, i, balance.Outcome{Latency: time.Millisecond})
		}
		if toNew != 1 {
			t.Errorf("the new server got %d calls before it answered one, want 1", toNew)
		}
	})
}

// What was learned survives a new list of servers.
func TestP2CRemembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.P2C{}, time.Millisecond, time.Second)
		w.load(500, 20*time.Millisecond)
		swapped := servers(2)
		swapped[0], swapped[1] = swapped[1], swapped[0]
		p := balance.P2C{}.NewPicker(swapped, w.picker)
		if i := pick(p, all); i != 1 {
			t.Error("forgot which server is slow")
		}
	})
}

// A caller that gives up early must not make a slow server look fast, and a one-way
// call says nothing about it.
func TestP2CIsNotDeceived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, o := range map[string]balance.Outcome{
			"given up": {Latency: time.Microsecond, Err: rpcx.Errorf(rpcx.Canceled, "given up")},
			"one-way":  {},
		} {
			w := newWorld(balance.P2C{Decay: 50 * time.Millisecond}, 10*time.Millisecond, 100*time.Millisecond)
			for i, took := range w.latency {
				begin(w.picker, i)
				end(w.picker, i, balance.Outcome{Latency: took})
			}
			for range 500 {
				begin(w.picker, 1)
				end(w.picker, 1, o)
				time.Sleep(time.Millisecond)
			}
			for range 100 {
				if i := pick(w.picker, all); i != 0 {
					t.Fatalf("%s: picked the second, which is ten times as slow", name)
				}
			}
		}
	})
}

func TestOutcomeFailed(t *testing.T) {
	t.Parallel()
	for code, want := range map[rpcx.Code]bool{
		rpcx.Unavailable: true, rpcx.ResourceExhausted: true, rpcx.DeadlineExceeded: true,
		rpcx.Canceled: false, rpcx.NotFound: false, rpcx.Unknown: false, rpcx.InvalidArgument: false,
	} {
		if got := (balance.Outcome{Err: rpcx.Errorf(code, "x")}).Failed(); got != want {
			t.Errorf("%v: failed is %t", code, got)
		}
	}
	if (balance.Outcome{}).Failed() {
		t.Error("success is a failure")
	}
}

func TestLeastPending(t *testing.T) {
	t.Parallel()
	p := balance.LeastPending{}.NewPicker(servers(4), nil)
	for i, n := range []int{3, 1, 2, 1} {
		for range n {
			begin(p, i)
		}
	}
	counts := draw(p, 4, 4000, all)
	if counts[0]+counts[2] != 0 || chiSquare([]int{counts[1], counts[3]}) > critical[1] {
		t.Errorf("picked %v, want the second and the last alike", counts)
	}
	if i := pick(p, among(0, 2)); i != 2 {
		t.Errorf("of the first and the third picked %d", i)
	}
	end(p, 0, balance.Outcome{})
	end(p, 0, balance.Outcome{})
	end(p, 0, balance.Outcome{})
	if i := pick(p, all); i != 0 {
		t.Errorf("picked %d, the first has none", i)
	}
	// The next set knows what is pending, by key.
	set := servers(5)
	if i := pick(balance.LeastPending{}.NewPicker(set[1:], p), among(0, 1, 2)); set[i+1].Addr == set[2].Addr {
		t.Error("picked the third, which has the most")
	}
}

// Slow servers get less: as many calls as they can answer.
func TestLeastPendingFollowsSpeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(balance.LeastPending{}, 10*time.Millisecond, 10*time.Millisecond, 100*time.Millisecond)
		if got := w.load(6000, time.Millisecond); got[2] > 600 || got[0] < 2200 || got[1] < 2200 {
			t.Errorf("picked %v, the last is ten times as slow", got)
		}
	})
}
