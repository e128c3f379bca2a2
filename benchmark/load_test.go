// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// script is a pool that does what a function says.
type script func(args, reply *pb.BenchmarkMessage) error

func (f script) Call(_ context.Context, _ int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	peers.Answer(args, reply)
	return reply, f(args, reply)
}

func (script) Close() error { return nil }

// sleeping is a pool whose calls take d.
func sleeping(d time.Duration) script {
	return func(_, _ *pb.BenchmarkMessage) error {
		time.Sleep(d)
		return nil
	}
}

func scripted(s scenario, pool peers.Pool) *load {
	return &load{
		peer: peer{name: "script"}, scenario: s, recorder: new(recorder), pool: pool,
		newSleeper: func() (func(time.Duration), func()) { return time.Sleep, func() {} },
	}
}

func noServer(context.Context) (usage, error) { return usage{}, nil }

func nothing() error { return nil }

// Within a bubble time is exact, and so is what a closed loop finds.
func TestClosedLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := scripted(scenario{Callers: 10, Conns: 3}, sleeping(10*time.Millisecond))
		began := false
		m, err := measure(t.Context(), l, timing{505 * time.Millisecond, time.Second}, noServer, func() error {
			began = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if m.Calls != 1000 || m.Throughput != 1000 || m.Seconds != 1 || m.Errors != 0 || !began {
			t.Errorf("%d calls in %v s, %v/s, %d errors; want 1000, 1, 1000, 0", m.Calls, m.Seconds, m.Throughput, m.Errors)
		}
		for name, us := range map[string]float64{"mean": m.Mean, "p50": m.P50, "p99": m.P99, "max": m.Max} {
			if us < 9_900 || us > 10_100 {
				t.Errorf("%s %v µs, want 10000", name, us)
			}
		}
	})
}

// The mistake of coordinated omission: when the server stalls, a closed loop sees
// one slow call per caller, but the open loop every call that had to wait.
func TestStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stalled := script(func(_, _ *pb.BenchmarkMessage) error {
			time.Sleep(time.Millisecond)
			if at := time.Since(start); at >= 400*time.Millisecond && at < 500*time.Millisecond {
				time.Sleep(500*time.Millisecond - at) // nothing is answered for 100 ms
			}
			return nil
		})
		window := timing{200 * time.Millisecond, time.Second}

		closed, err := measure(t.Context(), scripted(scenario{Callers: 1, Conns: 1}, stalled), window, nil, nothing)
		if err != nil {
			t.Fatal(err)
		}
		if closed.P99 > 1_100 {
			t.Errorf("closed loop: p99 %v µs; want 1000: one call of 900 was slow", closed.P99)
		}

		start = time.Now()
		open, err := measure(t.Context(), scripted(scenario{Callers: 1, Conns: 1, Rate: 500}, stalled), window, nil, nothing)
		if err != nil {
			t.Fatal(err)
		}
		// 50 of 500 calls were due while nothing was answered, and about as many
		// before the one caller had caught up.
		if open.P50 > 1_100 || open.P99 < 80_000 || open.Unfinished != 0 {
			t.Errorf("open loop: p50 %v µs, p99 %v µs, %d unfinished; want 1000, over 80000, 0", open.P50, open.P99, open.Unfinished)
		}
	})
}

// With a server that cannot keep up every call that was due is recorded, those that
// never got a turn with what they waited.
func TestOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := scripted(scenario{Callers: 2, Conns: 1, Rate: 1000}, sleeping(20*time.Millisecond))
		m, err := measure(t.Context(), l, timing{0, time.Second}, nil, nothing)
		if err != nil {
			t.Fatal(err)
		}
		times, _, _ := l.recorder.result()
		if times.count() != 1000 {
			t.Errorf("%d calls were recorded, want all 1000 that were due", times.count())
		}
		if m.Calls < 95 || m.Calls > 101 {
			t.Errorf("%d calls ended within the window, want about 100", m.Calls)
		}
		if m.Unfinished < 790 || m.Unfinished > 810 { // it got one more second
			t.Errorf("%d calls were unfinished, want about 800", m.Unfinished)
		}
		if m.P50 < 1e6 || m.P99 < 1.7e6 {
			t.Errorf("p50 %v µs, p99 %v µs: the waiting does not count", m.P50, m.P99)
		}
	})
}

// The open loop begins calls at its rate when the server is quick.
func TestOpenLoopRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := scripted(scenario{Callers: 50, Conns: 1, Rate: 3000}, sleeping(5*time.Millisecond))
		m, err := measure(t.Context(), l, timing{100 * time.Millisecond, 2 * time.Second}, nil, nothing)
		if err != nil {
			t.Fatal(err)
		}
		if m.Calls < 5_950 || m.Calls > 6_050 || m.P99 > 5_100 {
			t.Errorf("%d calls, p99 %v µs; want 6000 of 5000 µs", m.Calls, m.P99)
		}
	})
}

// Failures are counted, not timed, and a wrong reply is one.
func TestFailuresAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		l := scripted(scenario{Callers: 1, Conns: 1}, script(func(_, reply *pb.BenchmarkMessage) error {
			time.Sleep(9 * time.Millisecond)
			switch n.Add(1) % 10 {
			case 0:
				return errors.New("refused")
			case 5:
				reply.Field22++
			}
			return nil
		}))
		m, err := measure(t.Context(), l, timing{0, time.Second}, nil, nothing)
		if err != nil {
			t.Fatal(err)
		}
		if m.Errors < 20 || m.Errors > 23 || m.Calls < 85 || m.Calls > 90 {
			t.Errorf("%d errors, %d calls", m.Errors, m.Calls)
		}
		if !strings.Contains(m.FirstError, "answers request") {
			t.Errorf("the first error was %q", m.FirstError)
		}
	})
}

func TestMeasureFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		l := scripted(scenario{Callers: 1, Conns: 1}, sleeping(time.Millisecond))
		_, err := measure(t.Context(), l, timing{0, time.Second}, func(context.Context) (usage, error) { return usage{}, broken }, nothing)
		if !errors.Is(err, broken) {
			t.Errorf("the server does not tell: %v", err)
		}
		_, err = measure(t.Context(), l, timing{0, time.Second}, nil, func() error { return broken })
		if !errors.Is(err, broken) {
			t.Errorf("no profile: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		if _, err = measure(ctx, l, timing{0, time.Second}, nil, nothing); !errors.Is(err, context.Canceled) {
			t.Errorf("broken off: %v", err)
		}
		synctest.Wait()

		stuck := make(chan struct{})
		l = scripted(scenario{Callers: 2, Conns: 1}, script(func(_, _ *pb.BenchmarkMessage) error { <-stuck; return nil }))
		if _, err = measure(t.Context(), l, timing{0, time.Second}, nil, nothing); err == nil || !strings.Contains(err.Error(), "2 callers") {
			t.Errorf("callers that hang: %v", err)
		}
		close(stuck)
	})
}

// failing is a limit's driver that ends at once.
type failing struct{ err error }

func (f failing) Drive(context.Context) error { return f.err }
func (failing) Close() error                  { return nil }

func TestDriverEnds(t *testing.T) {
	t.Parallel()
	for _, want := range []error{errors.New("connection lost"), nil} {
		l := scripted(scenario{Callers: 1, Conns: 1}, nil)
		l.driver = failing{want}
		_, err := measure(t.Context(), l, timing{time.Minute, time.Minute}, nil, nothing)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}
