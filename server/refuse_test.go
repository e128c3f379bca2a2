// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

// guardian is an observer that notes what a server refuses.
type guardian struct {
	mu   sync.Mutex
	told map[string]int
	last rpcx.ServerEvent
}

func newGuardian() *guardian { return &guardian{told: make(map[string]int)} }

func (*guardian) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }
func (*guardian) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult)       {}

func (g *guardian) ServerEvent(e *rpcx.ServerEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := e.Kind.String()
	if e.Service != "" {
		text += " " + e.Service
	}
	if e.Method != "" {
		text += "." + e.Method
	}
	g.told[text]++
	g.last = *e
}

// count returns how often something was told.
func (g *guardian) count(what string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told[what]
}

// event returns what was told last.
func (g *guardian) event() rpcx.ServerEvent {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// Whatever is refused is counted, logged at a bounded rate, and told.
func TestRefusalsAreSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		g := newGuardian()
		w := inMemory(t, server.WithObserver(g), server.WithRateLimit(server.RateLimit{Rate: 1, Burst: 1}),
			server.WithLogger(slog.New(slog.NewTextHandler(&out, nil)))).arith()
		p := w.dial(t)
		p.call(request("Arith", "Mul", `{}`))
		for range 100 {
			if got := p.call(request("Arith", "Mul", `{}`)); errorCode(got) == "" {
				t.Fatal("a call over the limit ran")
			}
		}
		if n := g.count("call refused Arith.Mul"); n != 100 || w.Stats().RefusedCalls != 100 {
			t.Errorf("%d refusals told and %d counted, want 100", n, w.Stats().RefusedCalls)
		}
		if e := g.event(); rpcx.CodeOf(e.Err) != rpcx.ResourceExhausted || e.Peer.Network != "mem" {
			t.Errorf("the event is %+v", e)
		}
		if n := strings.Count(out.String(), `msg="calls refused" method=Arith.Mul`); n != 1 {
			t.Errorf("%d lines in the log, want 1:\n%s", n, out.String())
		}
	})
}

// An observer that panics costs nobody a call.
func TestPanicInServerEvent(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithObserver(panicking{}), server.WithRateLimit(server.RateLimit{Rate: 1e-3, Burst: 1})).arith()
	p := w.dial(t)
	p.call(request("Arith", "Mul", `{}`))
	if got := p.call(request("Arith", "Mul", `{}`)); errorCode(got) == "" {
		t.Errorf("answered with %v", got.Metadata.Map())
	}
	if w.Stats().Panics != 1 {
		t.Errorf("%d panics counted", w.Stats().Panics)
	}
}

type panicking struct{ *guardian }

func (panicking) ServerEvent(*rpcx.ServerEvent) { panic("observer") }

// A call whose time has passed when it comes does not run, and that is seen.
func TestExpiredCallsAreSeen(t *testing.T) {
	t.Parallel()
	g := newGuardian()
	w := inMemory(t, server.WithObserver(g))
	ran := false
	w.handle("M", func(context.Context, *Args, *Reply) error { ran = true; return nil })
	got := w.dial(t).call(with(request("S", "M", `{}`), "__ServerTimeout", "0"))
	if ran || errorCode(got) == "" || got.Metadata.Get("__rpcx_not_executed") != "1" {
		t.Errorf("ran: %t, answered with %v", ran, got.Metadata.Map())
	}
	if g.count("call expired S.M") != 1 || w.Stats().ExpiredCalls != 1 {
		t.Errorf("told %v, counted %d", g.told, w.Stats().ExpiredCalls)
	}
}

// The time of a call runs from its arrival, also while the reader is held up by those
// before it.
func TestTimeRunsWhileTheReaderWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, ran := newBlocker(), 0
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: 1}))
		w.handle("block", b.handle)
		w.handle("M", func(context.Context, *Args, *Reply) error { ran++; return nil })
		p := w.dial(t)
		p.send(numbered(1, request("S", "block", `{}`)))
		<-b.began
		synctest.Wait()
		time.Sleep(50 * time.Millisecond) // the method is known to block
		p.send(numbered(2, request("S", "block", `{}`)), numbered(3, request("S", "block", `{}`)),
			numbered(4, with(request("S", "M", `{}`), "__ServerTimeout", "20")),
			numbered(5, with(request("S", "M", `{}`), "__ServerTimeout", "20000")))
		time.Sleep(time.Second)
		close(b.release)
		codes := make(map[uint64]string)
		for range 5 {
			got := p.receive()
			codes[got.Seq] = errorCode(got)
		}
		if ran != 1 || codes[4] == "" || codes[5] != "" {
			t.Errorf("%d of the two calls ran, the codes are %v", ran, codes)
		}
	})
}
