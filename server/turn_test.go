// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// twoTicks is how long a handler that blocks may hold up its connection. It is the
// time between two looks of the monitor, and a little more.
const twoTicks = 21 * time.Millisecond

// sleepy is a value that takes its time to be decoded and encoded.
type sleepy struct{ Decode, Encode time.Duration }

func (s *sleepy) UnmarshalJSON(b []byte) error {
	type plain sleepy
	err := json.Unmarshal(b, (*plain)(s))
	time.Sleep(s.Decode)
	return err
}

func (s sleepy) MarshalJSON() ([]byte, error) {
	time.Sleep(s.Encode)
	return []byte(`"slept"`), nil
}

// sleepyObserver blocks in CallStart.
type sleepyObserver struct{ badObserver }

func (sleepyObserver) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	if info.Header.Get("sleep") == "observer" {
		time.Sleep(time.Second)
	}
	return ctx
}

// Whoever blocks the goroutine that reads a connection loses it to another: in the
// handler, and in all the rest of the user's code.
func TestTakeover(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*protocol.Message{
		"in the handler":     request("S", "sleep", `{}`),
		"in an interceptor":  with(request("Arith", "Mul", `{}`), "sleep", "interceptor"),
		"in auth":            with(request("Arith", "Mul", `{}`), "__AUTH", "sleep"),
		"in auth, refused":   with(request("Arith", "Mul", `{}`), "__AUTH", "sleep and refuse"),
		"while decoding":     request("S", "sleepy", `{"Decode":1000000000}`),
		"while encoding":     request("S", "sleepy", `{"Encode":1000000000}`),
		"in both":            request("S", "sleepy", `{"Decode":1000000000,"Encode":1000000000}`),
		"in the observer":    with(request("Arith", "Mul", `{}`), "sleep", "observer"),
		"auth, not the call": with(request("Nope", "Nope", `{}`), "__AUTH", "sleep"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t,
					server.WithObserver(sleepyObserver{}),
					server.WithAuth(func(_ context.Context, _, _, token string) error {
						if strings.HasPrefix(token, "sleep") {
							time.Sleep(time.Second)
						}
						if strings.HasSuffix(token, "refuse") {
							return rpcx.PermissionDenied
						}
						return nil
					}),
					server.WithInterceptor(unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
						if c.Header.Get("sleep") == "interceptor" {
							time.Sleep(time.Second)
						}
						return next(ctx, c)
					}))).arith()
				w.handle("sleep", func(context.Context, *Args, *Reply) error {
					time.Sleep(time.Second)
					return nil
				})
				if err := server.Handle(w.Server, "S", "sleepy", func(_ context.Context, args *sleepy, reply *sleepy) error {
					reply.Encode = args.Encode
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				p := w.dial(t)
				began := time.Now()
				quick := request("Arith", "Mul", `{"A":6,"B":7}`)
				half := encode(t, numbered(5, quick))
				// Two before it, two behind it, and one of which only a part has arrived.
				all := encode(t, numbered(1, quick), numbered(2, quick), numbered(99, m), numbered(3, quick), numbered(4, quick))
				if _, err := p.Write(append(all, half[:20]...)); err != nil {
					t.Fatal(err)
				}
				for range 4 { // in any order: the method may be known as a slow one now
					if got := p.receive(); got.Seq > 4 || string(got.Payload) != `{"C":42}` {
						t.Errorf("answer is %d %s %v", got.Seq, got.Payload, got.Metadata.Map())
					}
				}
				if took := time.Since(began); took > twoTicks {
					t.Errorf("those around it waited %v, want %v at most", took, twoTicks)
				}
				if _, err := p.Write(half[20:]); err != nil {
					t.Fatal(err)
				}
				if got := p.receive(); got.Seq != 5 {
					t.Errorf("answer is %d, want that to the call which came in two parts", got.Seq)
				}
				if took := time.Since(began); took > twoTicks {
					t.Errorf("the one behind them waited %v, want %v at most", took, twoTicks)
				}
				if n := w.Stats().Takeovers; n != 1 {
					t.Errorf("%d takeovers, want 1", n)
				}
				if got := p.receive(); got.Seq != 99 {
					t.Errorf("answer is %d, want that to the one that blocked", got.Seq)
				}
				if n := w.Stats().Handlers; n != 0 {
					t.Errorf("%d handlers are said to run", n)
				}
				p.silent()
			})
		})
	}
}

// More than the small buffer holds is behind the one that blocks.
func TestTakeoverWithAFullBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		w.handle("sleep", func(context.Context, *Args, *Reply) error {
			time.Sleep(time.Second)
			return nil
		})
		if err := server.Handle(w.Server, "S", "len", func(_ context.Context, args *string, reply *int) error {
			*reply = len(*args)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p := w.dial(t)
		began := time.Now()
		go p.send(
			numbered(0, request("S", "sleep", `{}`)),
			numbered(1, request("S", "len", `"`+strings.Repeat("x", 3<<10)+`"`)),
			numbered(2, request("S", "len", `"`+strings.Repeat("x", 40<<10)+`"`)),
			numbered(3, request("S", "len", `"`+strings.Repeat("x", 300<<10)+`"`)),
			numbered(4, request("S", "len", `"abc"`)))
		for i, want := range []string{"3072", "40960", "307200", "3"} {
			if got := p.receive(); got.Seq != uint64(i+1) || string(got.Payload) != want {
				t.Errorf("answer is %d %s, want %d %s", got.Seq, got.Payload, i+1, want)
			}
		}
		if took := time.Since(began); took > twoTicks {
			t.Errorf("they waited %v, want %v at most", took, twoTicks)
		}
		p.receive()
	})
}

// Two calls of one connection wait for each other; neither gets anywhere unless both
// run. So do fifty pairs.
func TestRendezvous(t *testing.T) {
	t.Parallel()
	for _, pairs := range []int{1, 50} {
		t.Run(fmt.Sprint(pairs), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t)
				meet := make([]chan int, pairs)
				for i := range meet {
					meet[i] = make(chan int)
				}
				w.handle("give", func(_ context.Context, args *Args, _ *Reply) error {
					meet[args.A] <- args.A
					return nil
				})
				w.handle("take", func(_ context.Context, args *Args, reply *Reply) error {
					reply.C = <-meet[args.A]
					return nil
				})
				c := w.conn(t, client.DefaultOption)
				done := make(chan *client.Call, 2*pairs)
				began := time.Now()
				for i := range pairs {
					for _, method := range []string{"give", "take"} {
						c.Go(t.Context(), "S", method, &Args{A: i}, &Reply{}, done)
					}
				}
				for range 2 * pairs {
					if call := <-done; call.Error != nil {
						t.Error(call.Error)
					} else if got := call.Reply.(*Reply).C; call.Method == "take" && got != call.Args.(*Args).A {
						t.Errorf("pair %d exchanged %d", call.Args.(*Args).A, got)
					}
				}
				if took := time.Since(began); took > 5*twoTicks {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Ten thousand calls on one connection, fast and blocking ones mixed: all are answered,
// and no fast one waits for long.
func TestMixedCallsOnOneConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const calls, callers, nap = 10_000, 100, 50 * time.Millisecond
		w := inMemory(t).arith()
		var awake atomic.Int64
		w.handle("nap", func(_ context.Context, args *Args, reply *Reply) error {
			awake.Add(1)
			defer awake.Add(-1)
			time.Sleep(nap)
			reply.C = args.A * args.B
			return nil
		})
		c := w.conn(t, client.DefaultOption)
		began := time.Now()
		var slowest, slowestNap atomic.Int64
		var all sync.WaitGroup
		for n := range callers {
			all.Go(func() {
				for i := range calls / callers {
					service, method, worst := "Arith", "Mul", &slowest
					if (i+n)%10 == 0 {
						service, method, worst = "S", "nap", &slowestNap
					}
					sent, reply := time.Now(), new(Reply)
					if err := c.Call(t.Context(), service, method, &Args{i, n}, reply); err != nil || reply.C != i*n {
						t.Errorf("%s(%d, %d): %d, %v", method, i, n, reply.C, err)
					}
					took := int64(time.Since(sent))
					for {
						was := worst.Load()
						if took <= was || worst.CompareAndSwap(was, took) {
							break
						}
					}
				}
			})
		}
		all.Wait()
		if took := time.Duration(slowest.Load()); took > 3*twoTicks {
			t.Errorf("the slowest of the fast calls took %v", took)
		}
		if took := time.Duration(slowestNap.Load()); took > nap+3*twoTicks {
			t.Errorf("the slowest of the others took %v, its handler %v", took, nap)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("all together took %v", took)
		}
		if n := w.Stats().Takeovers; n == 0 || n > 10 {
			t.Errorf("%d takeovers; want the first to tell that the method is slow", n)
		}
	})
}

// The same with frames in one stream, and every method new to the server when it
// blocks first.
func TestManyMethodsThatBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const methods = 100
		w := inMemory(t)
		for i := range methods {
			w.handle(fmt.Sprint(i), func(context.Context, *Args, *Reply) error {
				time.Sleep(10 * time.Second)
				return nil
			})
		}
		p := w.dial(t)
		began := time.Now()
		for i := range methods {
			p.send(numbered(uint64(i), request("S", fmt.Sprint(i), `{}`)))
		}
		seen := make(map[uint64]bool)
		for range methods {
			seen[receiveLate(p).Seq] = true
		}
		if took := time.Since(began); len(seen) != methods || took > 10*time.Second+methods*twoTicks {
			t.Errorf("%d of %d are answered, after %v", len(seen), methods, took)
		}
		if n := w.Stats().Takeovers; n != methods {
			t.Errorf("%d takeovers, want one for each of %d methods", n, methods)
		}
	})
}

// receiveLate is receive for an answer that takes longer than patience.
func receiveLate(p *peer) *protocol.Message {
	_ = p.SetReadDeadline(time.Time{})
	f, err := p.frames.Next()
	if err != nil {
		p.t.Fatal(err)
	}
	return f.Message()
}

// A method that was found slow runs in the pool; when it has been quick for long it
// runs in the reader again.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		var nap time.Duration
		pooled := 0
		w.handle("m", func(context.Context, *Args, *Reply) error {
			pooled = w.Stats().Handlers
			time.Sleep(nap)
			return nil
		})
		p := w.dial(t)
		call := func() int {
			p.call(request("S", "m", `{}`))
			return pooled
		}
		if call() != 0 {
			t.Error("a method that is not known yet runs in the pool")
		}
		nap = time.Second
		call()
		nap = 20 * time.Microsecond
		if call() == 0 { // the one before may not have left the pool yet
			t.Error("a method that blocked a moment ago runs in the reader")
		}
		quick := 0
		for call() > 0 {
			if quick++; quick > 10_000 {
				t.Fatal("it never wins trust back")
			}
		}
		if quick < 100 {
			t.Errorf("it wins trust back after %d quick calls; one in some hundreds may block", quick)
		}
	})
}

// A method that waits is found slow also if its calls come by turns with others.
func TestCallsByTurns(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"AB", "AAAB", "AAAAAAAB"} { // sampling is a multiple of each length
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const slow, nap = 400, 5 * time.Millisecond
				w := inMemory(t)
				w.handle("A", func(context.Context, *Args, *Reply) error { return nil })
				w.handle("B", func(context.Context, *Args, *Reply) error { time.Sleep(nap); return nil })
				p := w.dial(t)
				began := time.Now()
				go func() {
					for range slow {
						for _, method := range order {
							p.send(request("S", string(method), `{}`))
						}
					}
				}()
				for range slow * len(order) {
					p.receive()
				}
				// Each time one of 8 is timed, at random.
				if took := time.Since(began); took > slow/2*nap {
					t.Errorf("%d calls of %v by turns with quick ones took %v", slow, nap, took)
				}
			})
		})
	}
}

// A method whose requests take long to decode, or whose replies to encode, is slow.
func TestPaceOfCodecs(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"Decode", "Encode"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t)
				if err := server.Handle(w.Server, "S", "sleepy", func(_ context.Context, args *sleepy, reply *sleepy) error {
					reply.Encode = args.Encode
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				p := w.dial(t)
				for i := range 400 { // enough to come back from the pool
					p.call(request("S", "sleepy", fmt.Sprintf(`{%q:%d}`, step, 5*time.Millisecond)))
					synctest.Wait()
					if pooled, _ := w.InPool("S", "sleepy"); !pooled && i > 0 {
						t.Fatalf("call %d, which took 5 ms as all did, is followed by one in the reader", i+1)
					}
				}
			})
		})
	}
}

// Calls count as running in the pool while they do, however they end.
func TestRunningInPool(t *testing.T) {
	t.Parallel()
	const calls = 5
	for name, end := range map[string]func() error{
		"with a reply":       func() error { return nil },
		"with an error":      func() error { return rpcx.Aborted },
		"with a panic":       func() error { panic("on purpose") },
		"with its goroutine": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t)
				b := newBlocker()
				w.handle("block", func(ctx context.Context, args *Args, reply *Reply) error {
					_ = b.handle(ctx, args, reply)
					return end()
				})
				p := w.dial(t)
				p.send(request("S", "block", `{}`))
				time.Sleep(twoTicks) // it is taken over
				for range calls {
					p.send(request("S", "block", `{}`))
				}
				synctest.Wait()
				if pooled, n := w.InPool("S", "block"); !pooled || n != calls {
					t.Errorf("in the pool: %t; %d run there, want %d", pooled, n, calls)
				}
				close(b.release)
				synctest.Wait()
				if _, n := w.InPool("S", "block"); n != 0 {
					t.Errorf("%d run in the pool when all have ended", n)
				}
			})
		})
	}
}

// What is found in one look counts once, and what is found in two counts twice, however soon one
// comes after the other.
func TestLooksCount(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		together bool
		pooled   bool
	}{"in one look": {true, false}, "in two": {false, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t)
				b := newBlocker()
				w.handle("block", b.handle)
				w.SetNoise(4 * time.Millisecond) // so that it leaves the second time
				look := time.Now()
				next := func() { look = look.Add(time.Nanosecond); w.Look(look) }
				for range 2 {
					w.dial(t).send(request("S", "block", `{}`))
					synctest.Wait()
					if !tt.together {
						next() // sees it for the first time
					}
				}
				next()
				next()
				if n := w.Stats().Takeovers; n != 2 {
					t.Fatalf("%d connections are taken over, want 2", n)
				}
				if pooled, _ := w.InPool("S", "block"); pooled != tt.pooled {
					t.Errorf("in the pool: %t, want %t", pooled, tt.pooled)
				}
				close(b.release)
			})
		})
	}
}

// After a long silence a connection is still watched when calls come again.
func TestMonitorWakesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		p := w.dial(t)
		for i := range 3 {
			b := newBlocker()
			w.handle(fmt.Sprint(i), b.handle)
			began := time.Now()
			p.send(numbered(7, request("S", fmt.Sprint(i), `{}`)))
			p.silent()
			if took := time.Since(began); took > twoTicks {
				t.Errorf("round %d: the call behind waited %v", i, took)
			}
			close(b.release)
			p.receive()
			time.Sleep(time.Minute) // nothing is watched any more
		}
	})
}

// At the limit of its handlers a connection is not read from; others are.
func TestHandlersPerConn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, calls = 4, 20
		w := inMemory(t, server.WithLimits(server.Limits{HandlersPerConn: limit})).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		for i := range uint64(calls) {
			p.send(numbered(i, request("S", "block", `{"A":6,"B":7}`)))
		}
		time.Sleep(time.Second)
		if n := len(b.began); n != limit {
			t.Errorf("%d handlers run, want %d", n, limit)
		}
		if n := w.Stats().Handlers; n != limit {
			t.Errorf("%d handlers are said to run, want %d", n, limit)
		}
		w.mustWork(t)
		close(b.release)
		for range calls {
			if got := p.receive(); string(got.Payload) != `{"C":42}` {
				t.Errorf("call %d is answered with %s %v", got.Seq, got.Payload, got.Metadata.Map())
			}
		}
		p.silent()
	})
}

// Calls over the limit of the whole server are refused unexecuted; what runs goes on.
func TestHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 3
		w := inMemory(t, server.WithLimits(server.Limits{Handlers: limit})).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p, q := w.dial(t), w.dial(t)
		for i := range uint64(limit) {
			p.send(numbered(i, request("S", "block", `{"A":6,"B":7}`)))
			<-b.began
			time.Sleep(time.Second)
		}
		for range 10 {
			got := q.call(request("S", "block", `{}`))
			if errorCode(got) != "8" || got.Metadata.Get("__rpcx_not_executed") != "1" || errorText(got) != "server: overloaded: as many handlers run as may" {
				t.Errorf("answered with %v", got.Metadata.Map())
			}
		}
		q.send(oneway(request("S", "block", `{}`)))
		q.silent() // and quick methods are served all the same
		p.silent()
		close(b.release)
		for range limit {
			p.receive()
		}
		if got := q.call(request("S", "block", `{"A":6,"B":7}`)); string(got.Payload) != `{"C":42}` {
			t.Errorf("with room again: %s %v", got.Payload, got.Metadata.Map())
		}
		if n := len(b.began); n != 1 {
			t.Errorf("%d calls ran that were refused", n-1)
		}
	})
}

// Our client may try a call elsewhere that was refused so.
func TestOverloadIsSafeToRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{Handlers: 1}))
		b := newBlocker()
		w.handle("block", b.handle)
		c := w.conn(t, client.DefaultOption)
		first := c.Go(t.Context(), "S", "block", &Args{}, &Reply{}, nil)
		<-b.began
		time.Sleep(time.Second)
		if err := c.Call(t.Context(), "S", "block", &Args{}, &Reply{}); rpcx.CodeOf(err) != rpcx.ResourceExhausted || !rpcx.SafeToRetry(err) {
			t.Errorf("Call returned %v", err)
		}
		close(b.release)
		<-first.Done
	})
}

// Close does not wait for handlers that heed no context, however many there are.
func TestCloseDoesNotWaitForHandlers(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]server.Limits{
		"default":         {},
		"HandlersPerConn": {HandlersPerConn: 1},
		"Handlers":        {Handlers: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t, server.WithLimits(l))
				release, began := make(chan struct{}), make(chan struct{}, 10)
				for i := range 3 { // each new to the server, so that they begin in the reader
					w.handle(fmt.Sprint(i), func(context.Context, *Args, *Reply) error {
						began <- struct{}{}
						<-release
						return nil
					})
				}
				p, q := w.dial(t), w.dial(t)
				for i := range uint64(3) {
					p.send(numbered(i, request("S", fmt.Sprint(i), `{}`)))
					q.send(numbered(i, request("S", fmt.Sprint(i), `{}`)))
				}
				time.Sleep(time.Second)
				if len(began) == 0 {
					t.Fatal("nothing runs")
				}
				since := time.Now()
				if err := w.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(since); took > time.Second {
					t.Errorf("Close took %v", took)
				}
				close(release)
				synctest.Wait()
				if n := w.Stats().Handlers; n != 0 {
					t.Errorf("%d handlers are said to run", n)
				}
			})
		})
	}
}

// Not parallel: it counts goroutines.

// A flood of one-way calls to a method that blocks makes no more goroutines than
// there may be handlers; every call is executed in the end.
func TestOnewayFlood(t *testing.T) {
	const calls = 100_000
	const limit = 256 // of one-way calls, by default
	w := onTCP(t).arith()
	release := make(chan struct{})
	var ran atomic.Int64
	w.handle("block", func(context.Context, *Args, *Reply) error {
		<-release
		ran.Add(1)
		return nil
	})
	before := runtime.NumGoroutine()
	p := w.dial(t)
	sent := make(chan error, 1)
	go func() {
		batch := make([]byte, 0, 64<<10)
		for range calls / 100 {
			batch = batch[:0]
			for range 100 {
				batch, _ = oneway(request("S", "block", `{}`)).AppendBinary(batch)
			}
			if _, err := p.Write(batch); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	most := 0
	eventually(t, "as many handlers run as may", func() bool {
		most = max(most, runtime.NumGoroutine())
		return w.Stats().Handlers == limit
	})
	for range 1000 {
		most = max(most, runtime.NumGoroutine())
		runtime.Gosched()
	}
	if n := w.Stats().Handlers; n > limit {
		t.Errorf("%d handlers run, the limit is %d", n, limit)
	}
	w.mustWork(t)
	close(release)
	if err := wait(t, "the flood to pass", sent); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every call has run", func() bool {
		most = max(most, runtime.NumGoroutine())
		return ran.Load() == calls
	})
	if most > before+2*limit { // those that are about to begin or to end count as well
		t.Errorf("%d goroutines at one time, %d before", most, before)
	}
}

// Goroutines of the pool are used again, and let go when they are not needed.
func TestWorkersAreReusedAndTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 100
		w := inMemory(t)
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		burst := func() {
			t.Helper()
			for i := range uint64(calls) {
				p.send(numbered(i, request("S", "block", `{}`)))
			}
			for range calls {
				b.release <- struct{}{}
				p.receive()
			}
			synctest.Wait()
		}
		burst()
		after := w.IdleWorkers()
		if after == 0 || after > calls {
			t.Errorf("%d goroutines are kept after a burst of %d", after, calls)
		}
		for range 5 {
			burst()
		}
		if n := w.IdleWorkers(); n > calls {
			t.Errorf("%d goroutines are kept after some more bursts, %d after the first: they are not reused", n, after)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := w.IdleWorkers(); n != 0 {
			t.Errorf("%d goroutines are kept after a minute of silence: they are not let go", n)
		}
		burst()
	})
}
