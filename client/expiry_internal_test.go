// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// waiting is calls on a connection that is none, with their deadlines.
type waiting struct {
	calls  table
	expiry expiry
	ended  chan struct{}
}

func newWaiting() *waiting {
	w := &waiting{ended: make(chan struct{}, 100)}
	w.expiry.init(&w.calls, func() { w.ended <- struct{}{} })
	return w
}

func (w *waiting) call(timeout time.Duration) *pending {
	due := w.expiry.at(time.Now().Add(timeout))
	p := w.calls.add(w.calls.nextSeq(), due)
	w.expiry.expect(due)
	return p
}

// Every call ends at its own deadline, in whatever order they come.
func TestExpiryEndsCallsOnTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		timeouts []time.Duration
	}{
		{"one", []time.Duration{time.Second}},
		{"the same for all", []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second}},
		{"each later", []time.Duration{1, 2 * time.Second, 3 * time.Second, time.Minute}},
		{"each earlier", []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond, 1}},
		{"mixed", []time.Duration{3 * time.Second, time.Second, time.Minute, 2 * time.Second, time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWaiting()
				defer w.expiry.close()
				began := time.Now()
				calls := make(map[*pending]time.Duration)
				for _, timeout := range tt.timeouts {
					calls[w.call(timeout)] = timeout
				}
				forever := w.calls.add(w.calls.nextSeq(), 0)
				for p, timeout := range calls {
					go func() {
						<-p.done
						if took := time.Since(began); took != timeout || !p.late {
							t.Errorf("a call with %v ended after %v, late %v", timeout, took, p.late)
						}
					}()
				}
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if n := w.calls.len(); n != 1 || len(forever.done) != 0 {
					t.Errorf("%d calls are left, want the one without a deadline", n)
				}
				if len(w.ended) == 0 {
					t.Error("nobody was told")
				}
			})
		})
	}
}

// The timer stands still when no call with a deadline is left, and goes again for the next.
func TestExpiryRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting()
		defer w.expiry.close()
		for range 3 {
			p := w.call(time.Second)
			if w.calls.take(p.seq) != p {
				t.Fatal("the call is not in the table")
			}
			p.free()
			time.Sleep(time.Minute)
			synctest.Wait()
			if next := time.Duration(w.expiry.next.Load()); next != never {
				t.Fatalf("the timer is set for %v though nobody waits", next)
			}
		}
		if len(w.ended) != 0 {
			t.Error("calls that were answered have ended")
		}
	})
}

// After a look that took long there is a pause, whatever calls come meanwhile.
func TestExpiryPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting()
		defer w.expiry.close()
		began := time.Now()
		w.expiry.pause(time.Second)
		for range 3 {
			p := w.call(time.Millisecond)
			<-p.done
			p.free()
		}
		if took := time.Since(began); took != time.Second+2*time.Millisecond {
			t.Errorf("the calls have ended after %v, want a second's pause and then none", took)
		}
	})
}

// A look that was held up, by the scheduler for instance, holds up few calls: it took long,
// but not for their number.
func TestExpiryHeldUp(t *testing.T) {
	t.Parallel()
	w := newWaiting()
	defer w.expiry.close()
	last := &w.calls.shards[shards-1].mu
	last.Lock()
	<-w.call(time.Millisecond).done // the look is under way
	time.Sleep(400 * time.Millisecond)
	last.Unlock()
	began := time.Now()
	<-w.call(time.Millisecond).done
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a call with a time-out of 1 ms ended after %v", took)
	}
}

// A connection that is closed ends its calls itself.
func TestExpiryClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting()
		p := w.call(time.Second)
		w.expiry.close()
		w.call(time.Millisecond)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(p.done) != 0 || len(w.ended) != 0 {
			t.Error("a call has ended by the timer of a closed connection")
		}
	})
}

// Nothing holds a connection that has ended, such as a timer for calls that ended with it.
func TestExpiryEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	network := mem.New()
	ln, err := network.Listen(t.Context(), "mem", "peer", transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		nc, _ := ln.Accept() // or Dial fails
		accepted <- nc
	}()
	c, err := Dial(t.Context(), "mem", "peer", Option{NoHello: true, Transports: []transport.Transport{network}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Call(context.Background(), "S", "M", []byte("x"), new([]byte), WithTimeout(time.Hour))
	}()
	there := <-accepted
	defer there.Close()
	if _, err := protocol.NewReader(there, protocol.Limits{}).Next(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; rpcx.CodeOf(err) != rpcx.Canceled {
		t.Error(err)
	}
	c.expiry.mu.Lock()
	defer c.expiry.mu.Unlock()
	if c.expiry.timer.Stop() {
		t.Error("the timer still goes")
	}
}
