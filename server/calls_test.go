// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// crowded is a connection on which as many handlers run as may.
func crowded(t *testing.T, limit int, opts ...server.Option) (*world, *peer, *blocker) {
	t.Helper()
	w := inMemory(t, append(opts, server.WithLimits(server.Limits{HandlersPerConn: limit}))...).arith()
	b := newBlocker()
	w.handle("block", b.handle)
	p := w.dial(t)
	for i := range uint64(limit) {
		p.send(numbered(i, request("S", "block", `{"A":6,"B":7}`)))
		<-b.began
		time.Sleep(time.Second)
	}
	return w, p, b
}

// Calls beyond the limit wait, and run in their order as soon as others have ended.
// What comes behind them is served meanwhile.
func TestCallsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 2
		w, p, b := crowded(t, limit)
		for i := range uint64(limit) {
			p.send(numbered(100+i, request("S", "block", fmt.Sprintf(`{"A":%d,"B":1}`, i))))
		}
		p.silent()
		if n := len(b.began); n != 0 {
			t.Errorf("%d calls run beyond the limit", n)
		}
		if n := w.Stats().Handlers; n != limit {
			t.Errorf("%d handlers are said to run, want %d", n, limit)
		}
		for range 2 * limit {
			b.release <- struct{}{}
			<-b.ended
			synctest.Wait()
			if n := w.Stats().Handlers; n > limit {
				t.Errorf("%d handlers are said to run, want %d at most", n, limit)
			}
		}
		seen := make(map[uint64]string)
		for range 2 * limit {
			m := p.receive()
			seen[m.Seq] = string(m.Payload)
		}
		for seq, want := range map[uint64]string{0: `{"C":42}`, 1: `{"C":42}`, 100: `{"C":0}`, 101: `{"C":1}`} {
			if seen[seq] != want {
				t.Errorf("call %d is answered with %s, want %s", seq, seen[seq], want)
			}
		}
		if n := w.Stats().Handlers; n != 0 {
			t.Errorf("%d handlers are said to run in the end", n)
		}
	})
}

// The one that waits longest runs first.
func TestCallsThatWaitRunInTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 5
		w, p, b := crowded(t, limit)
		began := make(chan int, limit)
		w.handle("note", func(_ context.Context, args *Args, _ *Reply) error {
			began <- args.A
			time.Sleep(1500 * time.Millisecond) // never ends when a place is released
			return nil
		})
		note := request("S", "note", `{"A":-1}`)
		other := w.dial(t)
		other.call(note) // so that it is known to be slow
		<-began
		for i := range limit {
			p.send(numbered(100, request("S", "note", fmt.Sprintf(`{"A":%d}`, i))))
		}
		p.silent()
		for want := range limit {
			b.release <- struct{}{} // one place
			if got := <-began; got != want {
				t.Errorf("call %d began when it was the turn of %d", got, want)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// One client may have many calls under way, as far as their requests are small: else a
// few hundred slow calls are all that it gets answered in the time of one.
func TestManySlowCalls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		request int // bytes
		runs    int
	}{
		{"small", 100, 1000},
		{"large", 40 << 10, 16 << 20 / (40 << 10)},
		{"very large", 100 << 10, 256},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const calls = 1000
				w := inMemory(t).arith()
				began, release := make(chan struct{}, calls), make(chan struct{})
				w.handle("block", func(context.Context, *Args, *Reply) error {
					began <- struct{}{}
					<-release
					return nil
				})
				p := w.dial(t)
				var requests []byte
				for i := range uint64(calls) {
					m := numbered(i, request("S", "block", `{"A":6,"B":7,"C":"`+strings.Repeat("x", tt.request)+`"}`))
					requests = append(requests, encode(t, m)...)
				}
				go func() { _, _ = p.Write(requests) }() // it takes until the last one is read; if not, replies are missing
				time.Sleep(time.Minute)
				if n := len(began); n < tt.runs-5 || n > tt.runs+16 {
					t.Errorf("%d handlers run, want %d", n, tt.runs)
				}
				close(release)
				for range calls {
					p.receive()
				}
				if n := len(began); n != calls {
					t.Errorf("%d handlers ran, want %d", n, calls)
				}
			})
		})
	}
}

// Handlers that are found to block the reader run beyond the limit, but not many.
func TestTakeoversAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, methods, most = 2, 60, 2 + 16 + 1
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: limit})).arith()
		b := newBlocker()
		for i := range methods {
			w.handle(fmt.Sprint(i), b.handle)
		}
		p := w.dial(t)
		for i := range methods {
			p.send(numbered(uint64(i), request("S", fmt.Sprint(i), `{}`)))
		}
		time.Sleep(time.Minute)
		if n := len(b.began); n <= limit || n > most {
			t.Errorf("%d handlers run, want some more than the limit of %d, and %d at most", n, limit, most)
		}
		w.mustWork(t)
		close(b.release)
		for range methods {
			p.receive()
		}
		p.silent()
	})
}

// A call that is given up while it waits does not run, and is not answered.
func TestCancelOfACallThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		_, p, b := crowded(t, 1, server.WithObserver(r))
		p.send(numbered(100, request("S", "block", `{}`)))
		p.silent()
		p.send(cancelFrame(100))
		p.silent()
		close(b.release)
		if got := p.receive(); got.Seq != 0 {
			t.Errorf("received an answer to %d", got.Seq)
		}
		p.silent()
		time.Sleep(time.Second)
		p.silent()
		if n := len(b.began); n != 0 {
			t.Error("the call ran that was given up before")
		}
		if starts, ends := r.calls(); starts != len(ends) {
			t.Errorf("the observer was told of %d starts and %d ends", starts, len(ends))
		}
	})
}

// One whose deadline passes meanwhile is refused unexecuted.
func TestDeadlineOfACallThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, p, b := crowded(t, 1)
		p.send(numbered(100, with(request("S", "block", `{}`), "__ServerTimeout", "500")))
		time.Sleep(time.Second)
		close(b.release)
		for range 2 {
			if got := p.receive(); got.Seq == 100 && (errorCode(got) != "4" || got.Metadata.Get("__rpcx_not_executed") != "1") {
				t.Errorf("answered with %v", got.Metadata.Map())
			}
		}
		if n := len(b.began); n != 0 {
			t.Error("the call ran that had expired")
		}
	})
}

// Calls that wait when the client leaves do not run.
func TestDisconnectDropsWhatWaits(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(w *world, p *peer){
		"disconnect": func(_ *world, p *peer) { p.Close() },
		"half close": func(_ *world, p *peer) { _ = p.Conn.(interface{ CloseWrite() error }).CloseWrite() },
		"rubbish":    func(_ *world, p *peer) { _, _ = p.Write([]byte("rubbish")) },
		"closed":     func(w *world, _ *peer) { w.Conns()[0].Close() },
		"server":     func(w *world, _ *peer) { w.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder()
				w, p, b := crowded(t, 2, server.WithObserver(r))
				p.send(numbered(100, request("S", "block", `{}`)), numbered(101, oneway(request("S", "block", `{}`))))
				p.silent()
				leave(w, p)
				time.Sleep(time.Minute)
				if n := len(b.began); n != 0 {
					t.Errorf("%d calls ran that nobody waited for", n)
				}
				if n := len(b.ended); n != 2 {
					t.Errorf("%d handlers have ended, want 2", n)
				}
				if starts, ends := r.calls(); starts != len(ends) {
					t.Errorf("the observer was told of %d starts and %d ends", starts, len(ends))
				}
				if st := w.Stats(); st.Handlers != 0 || len(w.Conns()) != 0 {
					t.Errorf("%d handlers, %d connections are left", st.Handlers, len(w.Conns()))
				}
			})
		})
	}
}

// What waits when a shutdown begins is executed.
func TestShutdownRunsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, p, b := crowded(t, 1)
		p.send(numbered(100, request("S", "block", `{"A":2,"B":3}`)))
		p.silent()
		done := w.shutdown(t.Context())
		time.Sleep(5 * time.Second)
		close(b.release)
		for range 2 {
			if got := p.receive(); got.Status != protocol.Normal {
				t.Errorf("answered with %v", got.Metadata.Map())
			}
		}
		p.closed()
		p.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// As many wait as may run, and some bytes of arguments; then the connection is not
// read until there is room. How much the arguments are compressed does not matter.
func TestHowMuchWaits(t *testing.T) {
	t.Parallel()
	large := `{"x":"` + strings.Repeat("x", 700<<10) + `"}`
	for name, c := range map[string]struct {
		m    *protocol.Message
		wait int
	}{
		"small":             {request("S", "block", `{}`), 4},
		"large":             {request("S", "block", large), 1},
		"large, compressed": {&protocol.Message{Header: protocol.Header{Serialize: protocol.JSON, Compress: protocol.Gzip}, Service: "S", Method: "block", Payload: gzipped([]byte(large))}, 4}, // what waits is not decompressed
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, p, b := crowded(t, 4)
				beat := &protocol.Message{Header: protocol.Header{Heartbeat: true, Seq: 7}}
				for i := range c.wait {
					p.send(numbered(100, c.m), beat)
					if got := p.receive(); !got.Heartbeat {
						t.Errorf("received %+v", got)
					}
					if len(b.began) != 0 {
						t.Fatalf("call %d runs", i)
					}
				}
				go p.send(numbered(200, c.m), beat)
				time.Sleep(time.Second)
				_ = p.SetReadDeadline(time.Now().Add(time.Second))
				if f, err := p.frames.Next(); err == nil {
					t.Fatalf("with %d calls that wait the next frame is read as well: received %+v", c.wait, f)
				}
				close(b.release)
				synctest.Wait()
			})
		})
	}
}

// A call that waited and then finds the whole server at its limit is refused.
func TestServerLimitForCallsThatWaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: 1, Handlers: 2})).arith()
		a, b := newBlocker(), newBlocker()
		w.handle("a", a.handle)
		w.handle("b", b.handle)
		p, q, o := w.dial(t), w.dial(t), w.dial(t)
		p.send(numbered(1, request("S", "a", `{}`)))
		<-a.began
		time.Sleep(time.Second)
		p.send(numbered(2, request("S", "a", `{}`)), numbered(4, request("Arith", "Mul", `{}`)))
		if got := p.receive(); got.Seq != 4 {
			t.Fatalf("received an answer to %d", got.Seq)
		}
		q.send(numbered(1, request("S", "b", `{}`)))
		<-b.began
		time.Sleep(time.Second)
		go func() { // takes the place of the first one before the waiting can
			for range 100 {
				o.send(oneway(request("S", "b", `{}`)))
			}
		}()
		close(a.release)
		got := map[uint64]string{}
		for range 2 {
			m := p.receive()
			got[m.Seq] = errorCode(m)
		}
		if got[1] != "" || got[2] != "" && got[2] != "8" {
			t.Errorf("answers have codes %v", got)
		}
		close(b.release)
		synctest.Wait()
		p.silent()
		if n := w.Stats().Handlers; n != 0 {
			t.Errorf("%d handlers are said to run", n)
		}
	})
}

// When the client leaves while it has as many handlers as it may, and more calls than
// that, their contexts end: nobody is there who could wait for them.
func TestDisconnectAtTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: limit}))
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		for i := range uint64(limit + 2) {
			p.send(numbered(i, request("S", "block", `{}`)))
			time.Sleep(time.Second)
		}
		p.Close()
		time.Sleep(time.Minute)
		if n := len(b.ended); n < limit {
			t.Errorf("%d of %d handlers have learnt that their client is gone", n, limit)
		}
		if n := len(w.Conns()); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// And a cancel frame must not be stuck behind the calls that wait for a place: it is
// what makes room.
func TestCancelAtTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: limit}))
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		for i := range uint64(limit + 1) {
			p.send(numbered(i, request("S", "block", `{}`)))
			time.Sleep(time.Second)
		}
		for i := range uint64(limit) {
			p.send(cancelFrame(i))
		}
		time.Sleep(time.Minute)
		if n := len(b.ended); n < limit {
			t.Errorf("%d of %d calls ended that were canceled", n, limit)
		}
	})
}
