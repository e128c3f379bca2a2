// SPDX-License-Identifier: Apache-2.0

package server

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
)

// processor is what Go does with one processor, in virtual time: goroutines run one after the
// other, and what has come in on connections is looked for when none is left to run, and every
// 10 ms.
type processor struct {
	server *Server
	method *method
	began  time.Time

	next   func()        // the goroutine that was made ready last, by another one
	ready  []func()      // the others
	polled time.Time     // when what had come in was last looked for every 10 ms
	conns  [4][]*inbound // what has come in and was not read
	reads  [4]bool       // a reader is ready
	come   int           // calls, until now

	good    int
	refused []time.Duration // how long it took
}

const (
	computing = time.Millisecond     // what a call takes
	reading   = 5 * time.Microsecond // what it takes to read and answer one that is refused
	pressing  = 10                   // times as many calls as can be served
)

func (p *processor) run(length time.Duration) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		p.arrive()
		if len(p.ready) == 0 && p.next == nil || time.Since(p.polled) >= 10*time.Millisecond {
			p.poll()
		}
		switch {
		case p.next != nil:
			next := p.next
			p.next = nil
			next()
		case len(p.ready) > 0:
			next := p.ready[0]
			p.ready = p.ready[1:]
			next()
		default:
			time.Sleep(computing / pressing)
		}
	}
}

// arrive lets those calls come that should have until now.
func (p *processor) arrive() {
	for every := computing / pressing; time.Since(p.began) > time.Duration(p.come)*every; p.come++ {
		in := newWhole(&Conn{server: p.server})
		in.method, in.budget = p.method, 200*time.Millisecond
		in.SetDeadline(p.began.Add(time.Duration(p.come)*every + in.budget))
		c := p.come * 7 / 3 % len(p.conns)
		p.conns[c] = append(p.conns[c], in)
	}
}

func (p *processor) poll() {
	p.polled = time.Now()
	for c := range p.conns {
		if len(p.conns[c]) > 0 && !p.reads[c] {
			p.reads[c] = true
			p.ready = append(p.ready, func() { p.read(c) })
		}
	}
}

func (p *processor) read(c int) {
	calls := p.conns[c]
	p.conns[c], p.reads[c] = nil, false
	time.Sleep(time.Duration(len(calls)) * reading)
	for _, in := range calls {
		if in.enter() != nil {
			at, _ := in.Deadline()
			p.refused = append(p.refused, time.Since(at.Add(-in.budget)))
			continue
		}
		p.server.workers.given.Add(1)
		if p.next != nil {
			p.ready = append(p.ready, p.next)
		}
		p.next = func() { p.serve(in) }
	}
}

func (p *processor) serve(in *inbound) {
	p.server.workers.begun.Add(1)
	in.runs(time.Now())
	time.Sleep(computing)
	if in.Err() == nil {
		p.good++
	}
	in.handled = true
	in.exit()
}

// Handlers that compute do not keep those waiting long whose calls are refused, though nobody
// can read a connection while they do.
func TestRefusalsPassHandlersThatCompute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := AdaptiveLimit{Tolerance: 2, Min: 4, floor: 2} // as with one processor
		p := &processor{
			server: NewServer(WithLogger(slog.New(slog.DiscardHandler))),
			method: &method{limit: a.limiter(1)},
			began:  time.Now(),
		}
		p.run(2 * time.Second) // the onset
		p.good, p.refused = 0, nil
		p.run(5 * time.Second)
		slices.Sort(p.refused)
		if p99, most := p.refused[len(p.refused)*99/100], 5*computing; p99 > most {
			t.Errorf("1 %% of the refusals took more than %v, want %v", p99, most)
		}
		if want := 4500; p.good < want {
			t.Errorf("%d calls were answered in time, want %d of the 5,000 that the method can serve", p.good, want)
		}
	})
}

// A gate that a refusal has closed opens when those before have begun. Calls of higher priority
// pass it.
func TestGate(t *testing.T) {
	t.Parallel()
	var g gate
	var w workers
	all := []rpcx.Priority{rpcx.LowPriority, rpcx.NormalPriority, rpcx.HighPriority}
	open := func() (which []rpcx.Priority) {
		for _, p := range all {
			if g.open(p, &w) {
				which = append(which, p)
			}
		}
		return which
	}
	for i, p := range all {
		g.close(p, &w)
		if got := open(); !slices.Equal(got, all) {
			t.Errorf("it is closed by calls of priority %v while none waits, and open for %v", p, got)
		}
		w.given.Add(2)
		g.close(p, &w)
		if got := open(); !slices.Equal(got, all[i+1:]) {
			t.Errorf("after a call of priority %v was refused it is open for %v, want %v", p, got, all[i+1:])
		}
		w.given.Add(1) // another method's
		w.begun.Add(1)
		if got := open(); !slices.Equal(got, all[i+1:]) {
			t.Errorf("it is open for %v while one that was let in waits", got)
		}
		w.begun.Add(1)
		if got := open(); !slices.Equal(got, all) {
			t.Errorf("it is open for %v when those that were let in have begun", got)
		}
		w.begun.Add(1)
	}
}
