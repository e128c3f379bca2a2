// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// run makes a call with the given outcome and fails the test if it is not allowed.
func run(t *testing.T, b *Breaker, o Outcome) Change {
	t.Helper()
	ticket, ok := b.Allow()
	if !ok {
		t.Fatalf("call refused in state %v", b.State())
	}
	return b.Done(ticket, o)
}

func wantState(t *testing.T, b *Breaker, want State) {
	t.Helper()
	if got := b.State(); got != want {
		t.Fatalf("state %v, want %v", got, want)
	}
}

// opened returns a breaker that five failures have just opened.
func opened(t *testing.T, c Config) *Breaker {
	t.Helper()
	b := New(c)
	for range 4 {
		if got := run(t, b, Failure); got != Unchanged {
			t.Fatalf("failure changed %v too early", got)
		}
	}
	if got := run(t, b, Failure); got != Opened {
		t.Fatalf("fifth failure in a row: %v, want Opened", got)
	}
	return b
}

func TestOpensAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	b := opened(t, Config{})
	wantState(t, b, Open)
	if _, ok := b.Allow(); ok || b.Ready() {
		t.Error("an open breaker lets calls pass")
	}
}

func TestSuccessEndsARow(t *testing.T) {
	t.Parallel()
	b := New(Config{Rate: 2})
	for i := range 100 {
		o := Failure
		if i%5 == 4 {
			o = Success
		}
		run(t, b, o)
	}
	wantState(t, b, Closed)
}

func TestUnknownOutcomeDoesNotEndARow(t *testing.T) {
	t.Parallel()
	b := New(Config{})
	for i := range 9 {
		o := Failure
		if i%2 == 1 {
			o = Unknown
		}
		run(t, b, o)
	}
	wantState(t, b, Open)
}

func TestOpensAtARate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config Config
		calls  int
		fail   func(i int) bool
		want   State
	}{
		{"half fail", Config{Consecutive: -1}, 40, func(i int) bool { return i%2 == 1 }, Open},
		{"a third fail", Config{Consecutive: -1}, 300, func(i int) bool { return i%3 == 2 }, Closed},
		{"a third is too much", Config{Consecutive: -1, Rate: 0.3}, 300, func(i int) bool { return i%3 == 2 }, Open},
		{"too few calls to tell", Config{Consecutive: -1}, 19, func(int) bool { return true }, Closed},
		{"few calls suffice", Config{Consecutive: -1, MinCalls: 3}, 3, func(int) bool { return true }, Open},
		{"never by rate", Config{Consecutive: -1, Rate: 2}, 1000, func(int) bool { return true }, Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := New(tt.config)
				for i := range tt.calls {
					ticket, ok := b.Allow()
					if !ok {
						break
					}
					o := Success
					if tt.fail(i) {
						o = Failure
					}
					b.Done(ticket, o)
					time.Sleep(10 * time.Millisecond)
				}
				wantState(t, b, tt.want)
			})
		})
	}
}

// A day without failures must not outweigh the minute in which they begin, and old
// failures must not weigh on new calls.
func TestRateForgets(t *testing.T) {
	t.Parallel()
	t.Run("successes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := New(Config{Consecutive: -1, Window: 10 * time.Second})
			for range 24 * 60 * 10 {
				run(t, b, Success)
				time.Sleep(6 * time.Second)
			}
			for range 30 {
				if _, ok := b.Allow(); !ok {
					break
				}
				run(t, b, Failure)
			}
			wantState(t, b, Open)
		})
	})
	t.Run("failures", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := New(Config{Consecutive: -1, Window: 10 * time.Second})
			for range 19 {
				run(t, b, Failure)
			}
			for range 240 {
				run(t, b, Success)
				time.Sleep(250 * time.Millisecond)
			}
			for range 30 { // of some 70 recent calls
				run(t, b, Failure)
			}
			wantState(t, b, Closed)
		})
	})
}

func TestProbeCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, Config{Pause: 2 * time.Second})
		if got := b.Wait(); got != 2*time.Second {
			t.Errorf("Wait() = %v, want the pause", got)
		}
		time.Sleep(2*time.Second - time.Millisecond)
		if b.Ready() {
			t.Error("ready before the pause is over")
		}
		time.Sleep(time.Millisecond)
		wantState(t, b, HalfOpen)
		if !b.Ready() {
			t.Error("not ready for a probe")
		}
		probe, ok := b.Allow()
		if !ok {
			t.Fatal("probe refused")
		}
		if _, ok := b.Allow(); ok {
			t.Error("second probe beside the first")
		}
		wantState(t, b, HalfOpen)
		if got := b.Done(probe, Success); got != Reclosed {
			t.Fatalf("probe succeeded: %v, want Reclosed", got)
		}
		wantState(t, b, Closed)
		for range 4 {
			run(t, b, Failure) // what was before is forgotten
		}
		wantState(t, b, Closed)
	})
}

func TestEachFailedProbeDoublesThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, Config{Pause: time.Second, MaxPause: 5 * time.Second})
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
			if got := b.Wait(); got != want {
				t.Fatalf("pause %d is %v, want %v", i, got, want)
			}
			time.Sleep(want)
			if got := run(t, b, Failure); got != Unchanged {
				t.Fatalf("failed probe: %v, want Unchanged", got)
			}
		}
		time.Sleep(5 * time.Second)
		run(t, b, Success)
		for range 5 {
			run(t, b, Failure)
		}
		if got := b.Wait(); got != time.Second {
			t.Errorf("pause after it was closed is %v, want to begin again at 1s", got)
		}
	})
}

func TestSeveralProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, Config{Probes: 3})
		time.Sleep(b.Wait())
		run(t, b, Success)
		run(t, b, Success)
		wantState(t, b, HalfOpen)
		run(t, b, Failure)
		wantState(t, b, Open)
		time.Sleep(b.Wait())
		run(t, b, Success)
		run(t, b, Unknown) // given up: another one may go at once
		run(t, b, Success)
		wantState(t, b, HalfOpen)
		if got := run(t, b, Success); got != Reclosed {
			t.Errorf("third success: %v, want Reclosed", got)
		}
	})
}

func TestAProbeThatNeverEndsDoesNotBlockTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, Config{Pause: time.Second})
		time.Sleep(time.Second)
		if _, ok := b.Allow(); !ok {
			t.Fatal("probe refused")
		}
		time.Sleep(time.Second)
		if got := run(t, b, Success); got != Reclosed {
			t.Errorf("second probe: %v, want Reclosed", got)
		}
	})
}

func TestLateOutcomesDoNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{Consecutive: 1, Pause: time.Second})
		old, _ := b.Allow()
		run(t, b, Failure)
		wantState(t, b, Open)
		if got := b.Done(old, Success); got != Unchanged {
			t.Errorf("success from before it opened: %v", got)
		}
		wantState(t, b, Open)
		time.Sleep(time.Second)
		run(t, b, Success)
		if got := b.Done(old, Failure); got != Unchanged {
			t.Errorf("failure from before it opened: %v", got)
		}
		wantState(t, b, Closed)
	})
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := New(Config{Consecutive: 3, Pause: time.Microsecond, MaxPause: time.Microsecond})
	var wg sync.WaitGroup
	changes := make([]map[Change]int, 4)
	for g := range changes {
		wg.Go(func() {
			counts := make(map[Change]int)
			for i := range 2000 {
				if ticket, ok := b.Allow(); ok {
					o := Success
					if i/10%2 == 1 {
						o = Failure
					}
					counts[b.Done(ticket, o)]++
				}
				b.Ready()
			}
			changes[g] = counts
		})
	}
	wg.Wait()
	opened, closed := 0, 0
	for _, c := range changes {
		opened += c[Opened]
		closed += c[Reclosed]
	}
	if opened == 0 || opened != closed && opened != closed+1 {
		t.Errorf("opened %d times and closed %d times", opened, closed)
	}
}

func TestStateString(t *testing.T) {
	t.Parallel()
	for s, want := range map[State]string{Closed: "closed", Open: "open", HalfOpen: "half-open"} {
		if got := s.String(); got != want {
			t.Errorf("State(%d).String() = %q, want %q", s, got, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	b := New(Config{})
	if n := testing.AllocsPerRun(100, func() {
		ticket, _ := b.Allow()
		b.Done(ticket, Success)
	}); n != 0 {
		t.Errorf("%v allocations per call, want none", n)
	}
}

func BenchmarkCall(b *testing.B) {
	br := New(Config{})
	for b.Loop() {
		ticket, _ := br.Allow()
		br.Done(ticket, Success)
	}
}
