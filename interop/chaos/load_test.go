// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
)

// scripted is a client that ends each call as a function says.
type scripted struct {
	does func(ctx context.Context, id uint64) (uint64, error)
	sent atomic.Int64
}

func (s *scripted) call(ctx context.Context, id uint64) (uint64, error) {
	s.sent.Add(1)
	return s.does(ctx, id)
}

func (s *scripted) judge(err error) outcome {
	if errors.Is(err, context.DeadlineExceeded) {
		return late
	}
	return definite
}

func (s *scripted) attempts() int64 { return s.sent.Load() }
func (s *scripted) close()          {}

func testBoard(t *testing.T) *board {
	t.Helper()
	b, err := newBoard(filepath.Join(t.TempDir(), "board"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Two processes that open a board see the same one.
func TestBoard(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "board")
	mine, err := newBoard(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newBoard(name); err == nil {
		t.Error("a board is made twice")
	}
	theirs, err := openBoard(name)
	if err != nil {
		t.Fatal(err)
	}
	theirs.execute(2, 7)
	theirs.execute(1, 7)
	theirs.execute(maxServers-1, maxCalls) // not one of the run
	if got := mine.executed[7].Load(); got != 2 {
		t.Errorf("executed %d times, want 2", got)
	}
	if mine.executed[6].Load() != 0 || mine.executed[8].Load() != 0 || mine.slots[2].executed.Load() != 1 || mine.slots[maxServers-1].executed.Load() != 1 {
		t.Error("other places changed, or the servers' own did not")
	}
	if theirs.arrive(0) {
		t.Error("refused, and nobody ordered it")
	}
	mine.slots[0].refuses.Store(1)
	if !theirs.arrive(0) || theirs.arrive(1) || mine.slots[0].arrived.Load() != 2 {
		t.Error("not refused as ordered, or not counted")
	}
}

// All that can become of a call is counted, once.
func TestCount(t *testing.T) {
	t.Parallel()
	b := testBoard(t)
	hung := make(chan struct{})
	defer close(hung)
	c := &scripted{does: func(ctx context.Context, id uint64) (uint64, error) {
		switch id {
		case 0:
			b.execute(0, id)
			return id, nil // a wrong answer
		case 1:
			return answer(id), nil // from nobody
		case 2:
			return 0, errors.New("no")
		case 3:
			b.execute(0, id)
			return 0, errors.New("no") // which is not true
		case 4:
			<-ctx.Done()
			return 0, ctx.Err()
		case 5:
			<-hung
		case 6:
			b.execute(0, id)
		}
		b.execute(0, id)
		return answer(id), nil
	}}
	l := newLoad(c, b, 1, 1000, 50*time.Millisecond)
	l.start(t.Context())
	for l.begun.Load() < 100 {
		pause(t.Context(), time.Millisecond)
	}
	l.end()
	var r result
	r.count(l)
	if r.Wrong != 1 || r.Lost != 1 || r.Definite != 2 || r.Untrue != 1 || r.Late != 1 || r.Hung != 1 || r.Twice != 1 || r.Failed != 5 {
		t.Errorf("%+v", r)
	}
	if r.Worst < 50*time.Millisecond || r.P99 > r.Worst || r.Errors["definite"] != "no" {
		t.Errorf("worst %v, p99 %v, errors %v", r.Worst, r.P99, r.Errors)
	}
	if r.Calls != int(c.attempts()) {
		t.Errorf("%d calls were counted, %d made", r.Calls, c.attempts())
	}
}

// A recovery is complete when no call fails and all servers have their part.
func TestRecovery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		failed bool // calls; else one server gets none
	}{{"calls fail", true}, {"a server is avoided", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := testBoard(t)
			var well atomic.Bool
			c := &scripted{does: func(_ context.Context, id uint64) (uint64, error) {
				switch {
				case well.Load():
					b.execute(int(id%2), id)
				case tt.failed:
					return 0, errors.New("no")
				default:
					b.execute(0, id)
				}
				return answer(id), nil
			}}
			l := newLoad(c, b, 2, 1000, time.Second)
			l.start(t.Context())
			defer l.end()
			pause(t.Context(), 2*windowLength)
			event := time.Now()
			if d, ok := l.recovery(t.Context(), event, 6*windowLength); ok {
				t.Errorf("recovered after %v, though nothing is well", d)
			}
			well.Store(true)
			if d, ok := l.recovery(t.Context(), event, time.Minute); !ok || d < 4*windowLength {
				t.Errorf("recovered after %v, %v, though it was well only after %v", d, ok, 6*windowLength)
			}
		})
	}
}

func TestOurJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want outcome
	}{
		{rpcx.Unsent(rpcx.Unavailable, "dial"), definite},
		{rpcx.Errorf(rpcx.Unavailable, "refused").NotExecuted(), definite},
		{rpcx.Unsent(rpcx.DeadlineExceeded, "dial"), definite},
		{rpcx.Errorf(rpcx.DeadlineExceeded, "wait"), late},
		{context.DeadlineExceeded, late},
		{rpcx.Errorf(rpcx.Unavailable, "outcome unknown: gone"), unknown},
		{rpcx.Errorf(rpcx.Unavailable, "gone"), unclear},
		{rpcx.Errorf(rpcx.Internal, "outcome unknown"), unclear},
		{errors.New("gone"), unclear},
	}
	for _, tt := range tests {
		if got := new(ourCaller).judge(tt.err); got != tt.want {
			t.Errorf("%v is judged as %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestTheirJudge(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]outcome{
		context.DeadlineExceeded: late,
		errors.New("EOF"):        unknown,
		errRefused:               unknown, // of some other origin
	} {
		if got := new(theirCaller).judge(err); got != want {
			t.Errorf("%v is judged as %v, want %v", err, got, want)
		}
	}
}

// A flood's parts are counted after its first second.
func TestFlood(t *testing.T) {
	t.Parallel()
	b := testBoard(t)
	var good atomic.Int64
	c := &scripted{does: func(_ context.Context, id uint64) (uint64, error) {
		if id%10 != 0 && id != maxCalls { // of a closed loop
			return 0, errors.New("no")
		}
		good.Add(1)
		return answer(id), nil
	}}
	callers := &fleet{list: []caller{c, c, c}}
	l := newLoad(callers, b, 1, 1000, time.Second)
	l.start(t.Context())
	for l.begun.Load() < 1500 {
		pause(t.Context(), time.Millisecond)
	}
	l.end()
	fl := &flood{Burden: "b", Peak: 200}
	fl.count(l)
	if fl.Goodput < 95 || fl.Goodput > 105 || fl.Part < 0.47 || fl.Part > 0.53 || fl.Late != 0 || fl.Refused < fl.Calls*8/10 {
		t.Errorf("%+v", fl)
	}
	if n := fl.answered(l); n != int(good.Load()) {
		t.Errorf("%d were answered, want %d", n, good.Load())
	}
	fl.RefusedP9 = time.Second
	if got := fl.misses(); len(got) != 2 {
		t.Errorf("misses %q, want the goodput and the refusals", got)
	}
	fl.Behind = time.Second
	if got := fl.misses(); len(got) != 1 {
		t.Errorf("misses %q, want the goodput only: the refusals were no later than the harness", got)
	}
	if callers.attempts() != 3*c.attempts() {
		t.Error("attempts are not those of all clients")
	}
	if peak := closedLoop(t.Context(), callers, 2, time.Second); peak <= 0 {
		t.Errorf("a peak of %v", peak)
	}
}
