// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// recorder is an observer that notes what it is told.
type recorder struct {
	mu      sync.Mutex
	starts  int
	ends    []observed
	opened  []rpcx.ConnInfo
	closed  []rpcx.ConnInfo
	reasons []error
}

type observed struct {
	info   rpcx.CallInfo
	result rpcx.CallResult
}

type observerKey struct{}

func newRecorder() *recorder { return new(recorder) }

func (r *recorder) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts++
	return context.WithValue(ctx, observerKey{}, info)
}

func (r *recorder) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Value(observerKey{}) != info {
		result.Err = errors.New("CallEnd got another context than CallStart returned")
	}
	r.ends = append(r.ends, observed{*info, *result})
}

func (r *recorder) ConnOpen(info *rpcx.ConnInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened = append(r.opened, *info)
}

func (r *recorder) ConnClose(info *rpcx.ConnInfo, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = append(r.closed, *info)
	r.reasons = append(r.reasons, reason)
}

// calls returns how many calls began and how they ended.
func (r *recorder) calls() (int, []observed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.starts, append([]observed(nil), r.ends...)
}

// conns returns how many connections began and why they ended.
func (r *recorder) conns() (int, []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.opened), append([]error(nil), r.reasons...)
}

func TestObserverIsToldOfCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		w := inMemory(t, server.WithObserver(r), server.WithAuth(func(_ context.Context, _, _, token string) error {
			if token != "" {
				return errors.New("who are you")
			}
			return nil
		})).arith()
		w.handle("slow", func(ctx context.Context, _ *Args, _ *Reply) error {
			if ctx.Value(observerKey{}) == nil {
				return errors.New("the handler's context is not the observer's")
			}
			time.Sleep(time.Second)
			return nil
		})
		w.handle("panic", func(context.Context, *Args, *Reply) error { panic("x") })
		if err := w.HandleRaw("S", "raw", func(_ context.Context, _, out *protocol.Message) error {
			out.Payload = []byte("12345")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := server.Handle(w.Server, "S", "big", func(_ context.Context, args *string, reply *string) error {
			*reply = *args
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p := w.dial(t)
		compressible := []byte(`"` + strings.Repeat("x", 5000) + `"`)
		zipped := request("S", "big", string(gzipped(compressible)))
		zipped.Compress = protocol.Gzip
		for _, c := range []struct {
			name   string
			m      *protocol.Message
			code   rpcx.Code
			took   time.Duration
			oneway bool
		}{
			{name: "success", m: request("Arith", "Mul", `{"A":6,"B":7}`)},
			{name: "error", m: request("Arith", "Fail", `{}`), code: rpcx.Unknown},
			{name: "slow", m: request("S", "slow", `{}`), took: time.Second},
			{name: "panic", m: request("S", "panic", `{}`), code: rpcx.Internal},
			{name: "undecodable", m: request("Arith", "Mul", `{`), code: rpcx.InvalidArgument},
			{name: "refused by auth", m: with(request("Arith", "Mul", `{}`), "__AUTH", "x"), code: rpcx.Unauthenticated},
			{name: "expired", m: with(request("Arith", "Mul", `{}`), "__ServerTimeout", "0"), code: rpcx.DeadlineExceeded},
			{name: "raw", m: request("S", "raw", `{}`)},
			{name: "compressed", m: zipped},
			{name: "one-way", m: oneway(request("Arith", "Mul", `{}`)), oneway: true},
		} {
			var answer *protocol.Message
			if c.oneway {
				p.send(c.m)
				synctest.Wait()
				answer = new(protocol.Message)
			} else {
				answer = p.call(c.m)
			}
			starts, ends := r.calls()
			if starts != len(ends) || starts == 0 {
				t.Fatalf("%s: %d starts, %d ends", c.name, starts, len(ends))
			}
			got := ends[len(ends)-1]
			if got.info.Side != rpcx.ServerSide || got.info.Service != c.m.Service || got.info.Method != c.m.Method ||
				got.info.Oneway != c.oneway || got.info.Header != c.m.Metadata || got.info.Attempt != 0 || got.info.Peer.Network != "mem" {
				t.Errorf("%s: info is %+v", c.name, got.info)
			}
			if rpcx.CodeOf(got.result.Err) != c.code || got.result.Duration != c.took {
				t.Errorf("%s: ended with %v after %v, want code %v after %v", c.name, got.result.Err, got.result.Duration, c.code, c.took)
			}
			if got.result.RequestBytes != len(c.m.Payload) || got.result.ReplyBytes != len(answer.Payload) {
				t.Errorf("%s: bytes in and out are %d and %d; on the wire %d and %d", c.name,
					got.result.RequestBytes, got.result.ReplyBytes, len(c.m.Payload), len(answer.Payload))
			}
		}
	})
}

// Every start has its end, however the call ends.
func TestObserverPairs(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, w *world, b *blocker){
		"canceled": func(t *testing.T, w *world, b *blocker) {
			p := w.dial(t)
			p.send(request("S", "block", `{}`))
			<-b.began
			p.send(cancelFrame(1))
		},
		"disconnected": func(t *testing.T, w *world, b *blocker) {
			p := w.dial(t)
			p.send(request("S", "block", `{}`))
			<-b.began
			p.Close()
		},
		"disconnected while one waits for a place": func(t *testing.T, w *world, b *blocker) {
			p := w.dial(t)
			for i := range uint64(4) {
				p.send(numbered(i, request("S", "block", `{}`)))
				time.Sleep(100 * time.Millisecond)
			}
			w.onlyConn().Close()
		},
		"server closed": func(t *testing.T, w *world, b *blocker) {
			w.dial(t).send(request("S", "block", `{}`))
			<-b.began
			w.Close()
		},
		"goroutine ended": func(t *testing.T, w *world, _ *blocker) {
			w.dial(t).send(request("S", "goexit", `{}`))
		},
		"goroutine ended late": func(t *testing.T, w *world, _ *blocker) {
			w.dial(t).send(request("S", "goexit later", `{}`))
		},
		"goroutine ended in the pool": func(t *testing.T, w *world, _ *blocker) {
			p := w.dial(t)
			p.call(request("S", "slow once", `{}`))
			p.send(request("S", "slow once", `{"A":1}`))
		},
	}
	for name, do := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder()
				w := inMemory(t, server.WithObserver(r), server.WithLimits(server.Limits{HandlersPerConn: 2}))
				b := newBlocker()
				w.handle("block", b.handle)
				goexits(w)
				do(t, w, b)
				time.Sleep(time.Minute)
				if starts, ends := r.calls(); starts == 0 || starts != len(ends) {
					t.Errorf("%d starts, %d ends", starts, len(ends))
				}
				if opened, closed := r.conns(); opened == 0 || opened != len(closed)+len(w.Conns()) {
					t.Errorf("%d connections opened, %d closed, %d open", opened, len(closed), len(w.Conns()))
				}
			})
		})
	}
}

// A server without an observer pays nothing; with two both are told.
func TestTwoObservers(t *testing.T) {
	t.Parallel()
	a, b := newRecorder(), newRecorder()
	w := inMemory(t, server.WithObserver(a), server.WithObserver(nil), server.WithObserver(b)).arith()
	w.mustWork(t)
	for name, r := range map[string]*recorder{"first": a, "second": b} {
		eventually(t, name+" observer was told", func() bool {
			starts, ends := r.calls()
			opened, _ := r.conns()
			return starts == 1 && len(ends) == 1 && opened == 1
		})
	}
}

func TestObserverIsToldOfConnections(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	w := onTCP(t, server.WithObserver(r)).arith()
	ends := func() []error {
		_, reasons := r.conns()
		return reasons
	}
	p := w.dial(t)
	p.silent()
	p.Close()
	eventually(t, "the first connection is closed", func() bool { return len(ends()) == 1 })
	q := w.dial(t)
	if _, err := q.Write([]byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second connection is closed", func() bool { return len(ends()) == 2 })
	c := w.conn(t, client.DefaultOption)
	w.onlyConn().Close()
	<-c.Done()
	eventually(t, "the third connection is closed", func() bool { return len(ends()) == 3 })
	got := ends()
	if !errors.Is(got[0], io.EOF) || !errors.Is(got[1], protocol.ErrMalformed) || !errors.Is(got[2], rpcx.Canceled) {
		t.Errorf("connections were closed because of %v", got)
	}
	for i, info := range r.opened {
		if info.Side != rpcx.ServerSide || info.Peer.Network != "tcp" || info.Peer != r.closed[i].Peer {
			t.Errorf("connection %d opened as %+v and closed as %+v", i, info, r.closed[i])
		}
	}
	if r.opened[0].Peer.Addr.String() != p.LocalAddr().String() || r.opened[0].Peer.Local.String() != w.addr {
		t.Errorf("peer is %+v, want %v", r.opened[0].Peer, p.LocalAddr())
	}
}

// badObserver panics where it is told to.
type badObserver struct{ where string }

func (o badObserver) at(where string) {
	if o.where == where {
		panic("observer")
	}
}

func (o badObserver) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context {
	o.at("CallStart")
	return ctx
}
func (o badObserver) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult) { o.at("CallEnd") }
func (o badObserver) ConnOpen(*rpcx.ConnInfo)                                   { o.at("ConnOpen") }
func (o badObserver) ConnClose(*rpcx.ConnInfo, error)                           { o.at("ConnClose") }

// A panic in an observer does not end the process, and costs at most the call or the
// connection that it was told of.
func TestObserverPanics(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"CallStart", "CallEnd", "ConnOpen", "ConnClose"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := inMemory(t, server.WithObserver(badObserver{where})).arith()
			for range 3 {
				p := w.dial(t)
				p.send(request("Arith", "Mul", `{"A":6,"B":7}`))
				got, err := p.next()
				if where != "ConnOpen" && err != nil {
					t.Errorf("receive: %v", err)
				}
				if (where == "CallEnd" || where == "ConnClose") && string(got.Payload) != `{"C":42}` {
					t.Errorf("answered with %s %v", got.Payload, got.Metadata.Map())
				}
				p.Close()
			}
			eventually(t, "the panics are counted", func() bool { return w.Stats().Panics >= 3 })
			eventually(t, "nothing is left", func() bool { return len(w.Conns()) == 0 })
		})
	}
}

// The reply of a call that was compressed is counted as it was sent.
func TestObserverReplyBytesCompressed(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	w := inMemory(t, server.WithObserver(r))
	if err := w.HandleRaw("S", "raw", func(_ context.Context, _, out *protocol.Message) error {
		out.Payload = bytes.Repeat([]byte("x"), 100_000)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m := request("S", "raw", "")
	m.Compress, m.Payload = protocol.Gzip, gzipped(nil)
	got := w.dial(t).call(m)
	eventually(t, "the call has ended", func() bool { _, ends := r.calls(); return len(ends) == 1 })
	if _, ends := r.calls(); ends[0].result.ReplyBytes != len(got.Payload) || ends[0].result.RequestBytes != len(m.Payload) {
		t.Errorf("bytes in and out are %d and %d; on the wire %d and %d", ends[0].result.RequestBytes, ends[0].result.ReplyBytes, len(m.Payload), len(got.Payload))
	}
}
