// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
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

// A thousand pushes, among calls: none is lost, all are in order.
func TestPushesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const pushes = 1000
	w := onTCP(t).arith()
	got := make(chan *protocol.Message, pushes)
	c := w.conn(t, client.Option{OnPush: func(m *protocol.Message) { got <- m }})
	conn := w.onlyConn()
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() {
			for range 200 {
				if err := c.Call(t.Context(), "Arith", "Mul", &Args{6, 7}, &Reply{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range pushes {
		md := rpcx.Pairs("n", strconv.Itoa(i))
		if err := conn.Push(t.Context(), "prices", "EURUSD", md, []byte(strings.Repeat("x", i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pushes {
		m := wait(t, "a push", got)
		if m.Service != "prices" || m.Method != "EURUSD" || m.Metadata.Get("n") != strconv.Itoa(i) || len(m.Payload) != i {
			t.Fatalf("push %d is %s.%s %v, %d bytes", i, m.Service, m.Method, m.Metadata.Map(), len(m.Payload))
		}
	}
	calls.Wait()
}

// The bytes that a real rpcx server pushes.
func TestPushBytes(t *testing.T) {
	t.Parallel()
	w := classicWorld(t)
	tr := transcripts(t)["push"]
	p := w.dial(t)
	call := func() {
		t.Helper()
		m := request("Bi", "Hello", `{"A":1,"B":2}`)
		if got := p.call(m); string(got.Payload) != `{"C":1}` {
			t.Errorf("answered with %s", got.Payload)
		}
	}
	call()
	conn := w.onlyConn()
	if err := errors.Join(
		conn.Push(t.Context(), "notify", "tick", rpcx.Pairs("n", "1"), []byte("hello from server")),
		conn.Push(t.Context(), "", "", rpcx.Metadata{}, []byte("again"))); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for range 2 {
		got = append(got, encode(t, p.receive())...)
	}
	call()
	var want []byte
	for _, step := range tr.Steps {
		raw, err := hex.DecodeString(step.Hex)
		if err != nil {
			t.Fatal(err)
		}
		r := protocol.NewReader(bytes.NewReader(raw), protocol.Limits{})
		for range step.Frames {
			if f, err := r.Next(); err != nil {
				t.Fatal(err)
			} else if f.IsPush() {
				want = append(want, encode(t, f.Message())...)
			}
		}
	}
	if len(want) == 0 || !bytes.Equal(got, want) {
		t.Errorf("pushed\n%x, real rpcx\n%x", got, want)
	}
}

// stuck is a connection whose peer does not read: one push is on its way, one waits to
// be sent, and the queue holds as many as it may.
func stuck(t *testing.T, policy server.PushPolicy) (*world, *peer, *server.Conn) {
	t.Helper()
	const limit = 4
	w := inMemory(t, server.WithPushPolicy(policy), server.WithLimits(server.Limits{Pushes: limit, WriteTimeout: time.Hour, UnsentReplies: 1})).arith()
	p := w.dial(t)
	conn := w.onlyConn()
	for i := range 2 + limit {
		size := 1
		if i == 0 {
			size = 200 << 10 // more than lies on the way
		}
		if err := conn.Push(t.Context(), "S", strconv.Itoa(i), rpcx.Metadata{}, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	return w, p, conn
}

// methods returns the methods of the next n pushes.
func (p *peer) methods(n int) string {
	p.t.Helper()
	var all []string
	for range n {
		all = append(all, p.receive().Method)
	}
	return strings.Join(all, " ")
}

func TestPushPolicies(t *testing.T) {
	t.Parallel()
	late := func(ctx context.Context, conn *server.Conn) error {
		return conn.Push(ctx, "S", "late", rpcx.Metadata{}, nil)
	}
	t.Run("wait, until there is room", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, p, conn := stuck(t, server.PushWait)
			done := make(chan error, 1)
			go func() { done <- late(t.Context(), conn) }()
			time.Sleep(time.Minute)
			select {
			case err := <-done:
				t.Fatalf("Push to a full queue returned %v", err)
			default:
			}
			if got := p.methods(7); got != "0 1 2 3 4 5 late" {
				t.Errorf("received %s", got)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("wait, until the context ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, p, conn := stuck(t, server.PushWait)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := late(ctx, conn)
			if !errors.Is(err, rpcx.DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), p.LocalAddr().String()) {
				t.Errorf("Push returned %v", err)
			}
			if got := p.methods(6); got != "0 1 2 3 4 5" {
				t.Errorf("received %s", got)
			}
			p.silent() // the late one was not sent
		})
	})
	t.Run("wait, until the connection is closed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, p, conn := stuck(t, server.PushWait)
			done := make(chan error, 1)
			go func() { done <- late(t.Context(), conn) }()
			time.Sleep(time.Second)
			p.Close()
			if err := <-done; rpcx.CodeOf(err) != rpcx.Unavailable {
				t.Errorf("Push returned %v", err)
			}
		})
	})
	t.Run("refuse", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, p, conn := stuck(t, server.PushRefuse)
			if err := late(t.Context(), conn); rpcx.CodeOf(err) != rpcx.ResourceExhausted || !strings.Contains(err.Error(), "4 messages are waiting") {
				t.Errorf("Push returned %v", err)
			}
			if got := p.methods(6); got != "0 1 2 3 4 5" {
				t.Errorf("received %s", got)
			}
			if err := late(t.Context(), conn); err != nil {
				t.Errorf("with room again: %v", err)
			}
			if got := p.methods(1); got != "late" {
				t.Errorf("received %s", got)
			}
		})
	})
	t.Run("drop the oldest", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, p, conn := stuck(t, server.PushDropOldest)
			for range 2 {
				if err := late(t.Context(), conn); err != nil {
					t.Errorf("Push returned %v", err)
				}
			}
			if n := w.Stats().DroppedPushes; n != 2 {
				t.Errorf("%d are counted as dropped, want 2", n)
			}
			if got := p.methods(6); got != "0 1 4 5 late late" {
				t.Errorf("received %s", got)
			}
			p.silent()
		})
	})
	t.Run("disconnect", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w, _, conn := stuck(t, server.PushDisconnect)
			if err := late(t.Context(), conn); rpcx.CodeOf(err) != rpcx.ResourceExhausted || !strings.Contains(err.Error(), "was disconnected") {
				t.Errorf("Push returned %v", err)
			}
			<-conn.Done()
			if n := w.Stats().SlowConns; n != 1 || len(w.Conns()) != 0 {
				t.Errorf("%d slow connections, %d open", n, len(w.Conns()))
			}
			w.mustWork(t)
		})
	})
}

// A connection that is gone takes no push, whatever the policy, and is no slow one.
func TestPushToAClosedConnection(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]server.PushPolicy{
		"PushWait": server.PushWait, "PushRefuse": server.PushRefuse, "PushDropOldest": server.PushDropOldest, "PushDisconnect": server.PushDisconnect,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t, server.WithPushPolicy(policy)).arith()
			p := w.dial(t)
			conn := w.onlyConn()
			p.Close()
			wait(t, "the connection to be gone", conn.Done())
			done := make(chan error, 1)
			go func() { done <- conn.Push(t.Context(), "S", "M", rpcx.Metadata{}, nil) }()
			if err := wait(t, "Push to return", done); rpcx.CodeOf(err) != rpcx.Unavailable || !strings.Contains(err.Error(), p.LocalAddr().String()) {
				t.Errorf("Push returned %v", err)
			}
			if st := w.Stats(); st.DroppedPushes != 0 || st.SlowConns != 0 {
				t.Errorf("counted as %+v", st)
			}
		})
	}
}

// One client that does not read holds up nobody else.
func TestPushAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy server.PushPolicy
		code   rpcx.Code // of the error about the stuck one; 0: none
	}{
		"PushWait":       {server.PushWait, rpcx.DeadlineExceeded},
		"PushRefuse":     {server.PushRefuse, rpcx.ResourceExhausted},
		"PushDropOldest": {server.PushDropOldest, 0},
		"PushDisconnect": {server.PushDisconnect, rpcx.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, bad, _ := stuck(t, c.policy)
				var good []*peer
				for range 5 {
					good = append(good, w.dial(t))
				}
				eventually(t, "all are connected", func() bool { return len(w.Conns()) == 6 })
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				began := time.Now()
				done := make(chan error, 1)
				go func() {
					done <- w.PushAll(ctx, "all", "hear", rpcx.Pairs("k", "v"), []byte("this"))
				}()
				seq := uint64(0)
				for _, p := range good {
					m := p.receive()
					if m.Service != "all" || m.Method != "hear" || m.Metadata.Get("k") != "v" || string(m.Payload) != "this" || !m.IsPush() {
						t.Errorf("received %+v", m)
					}
					if seq == 0 {
						seq = m.Seq
					}
					if m.Seq != seq {
						t.Errorf("one message has sequence ids %d and %d", seq, m.Seq)
					}
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("the others waited %v", took)
				}
				err := <-done
				if (err == nil) != (c.code == 0) || c.code != 0 && !errors.Is(err, c.code) {
					t.Errorf("PushAll returned %v, want %v", err, c.code)
				}
				if err != nil && !strings.Contains(err.Error(), bad.LocalAddr().String()) {
					t.Errorf("PushAll returned %v, which does not say who missed it", err)
				}
			})
		})
	}
}

func TestPushAllToNobody(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	if err := w.PushAll(t.Context(), "S", "M", rpcx.Metadata{}, nil); err != nil {
		t.Errorf("to nobody: %v", err)
	}
	w.Close()
	if err := w.PushAll(t.Context(), "S", "M", rpcx.Metadata{}, nil); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// What a client would not take is not sent.
func TestPushOverTheLimits(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithLimits(server.Limits{Limits: protocol.Limits{Frame: 1 << 20}}))
	c := w.conn(t, client.Option{OnPush: func(*protocol.Message) {}, Limits: protocol.Limits{Frame: 1 << 20}})
	conn := w.onlyConn()
	long := strings.Repeat("x", protocol.DefaultNameLimit+1)
	for name, push := range map[string]func(func(service, method string, md rpcx.Metadata, payload []byte) error) error{
		"service": func(p func(string, string, rpcx.Metadata, []byte) error) error {
			return p(long, "", rpcx.Metadata{}, nil)
		},
		"method": func(p func(string, string, rpcx.Metadata, []byte) error) error {
			return p("", long, rpcx.Metadata{}, nil)
		},
		"payload": func(p func(string, string, rpcx.Metadata, []byte) error) error {
			return p("", "", rpcx.Metadata{}, make([]byte, 1<<20))
		},
		"metadata": func(p func(string, string, rpcx.Metadata, []byte) error) error {
			return p("", "", rpcx.Pairs("k", strings.Repeat("v", protocol.DefaultMetadataLimit)), nil)
		},
		"pairs": func(p func(string, string, rpcx.Metadata, []byte) error) error {
			return p("", "", rpcx.Pairs(make([]string, 2*protocol.DefaultPairsLimit+2)...), nil)
		},
		"together": func(p func(string, string, rpcx.Metadata, []byte) error) error {
			return p(long[1:], long[1:], rpcx.Pairs("k", strings.Repeat("v", protocol.DefaultMetadataLimit-9)), make([]byte, 1<<20-protocol.DefaultMetadataLimit))
		},
	} {
		for how, f := range map[string]func(string, string, rpcx.Metadata, []byte) error{
			"Push":    func(s, m string, md rpcx.Metadata, b []byte) error { return conn.Push(t.Context(), s, m, md, b) },
			"PushAll": func(s, m string, md rpcx.Metadata, b []byte) error { return w.PushAll(t.Context(), s, m, md, b) },
		} {
			if err := push(f); rpcx.CodeOf(err) != rpcx.ResourceExhausted {
				t.Errorf("%s, %s: %v, want ResourceExhausted", how, name, err)
			}
		}
	}
	if _, err := c.Heartbeat(t.Context()); err != nil {
		t.Errorf("the connection is lost: %v", err)
	}
}

// The list of connections, and what a connection says of itself.
func TestConns(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	fromHandler := make(chan *server.Conn, 1)
	w.handle("me", func(ctx context.Context, _ *Args, _ *Reply) error {
		fromHandler <- server.ConnFrom(ctx)
		return nil
	})
	if n := len(w.Conns()); n != 0 {
		t.Errorf("%d connections before any was made", n)
	}
	peers := make(map[string]*peer)
	for range 3 {
		p := w.dial(t)
		p.silent()
		peers[p.LocalAddr().String()] = p
	}
	conns := w.Conns()
	if len(conns) != 3 || w.Stats().Conns != 3 {
		t.Fatalf("%d connections, %d counted, want 3", len(conns), w.Stats().Conns)
	}
	for _, c := range conns {
		p := peers[c.Peer().Addr.String()]
		if p == nil || c.Peer().Local.String() != w.addr || c.Peer().Network != "tcp" {
			t.Fatalf("peer is %+v", c.Peer())
		}
		p.call(request("S", "me", `{}`))
		if got := <-fromHandler; got != c {
			t.Errorf("ConnFrom is the connection of %v, want %v", got.Peer().Addr, c.Peer().Addr)
		}
		select {
		case <-c.Done():
			t.Error("an open connection says that it is gone")
		default:
		}
	}
	gone := conns[0]
	for range 2 { // the second time does nothing
		if err := gone.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	wait(t, "the connection to be gone", gone.Done())
	peers[gone.Peer().Addr.String()].closed()
	if n := len(w.Conns()); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	if gone.Peer().Addr == nil || gone.NetConn() == nil {
		t.Error("a connection that is gone has forgotten its peer")
	}
}

// A handler may close the connection that its call came in on.
func TestHandlerClosesItsConnection(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	w.handle("leave", func(ctx context.Context, _ *Args, _ *Reply) error {
		return server.ConnFrom(ctx).Close()
	})
	p := w.dial(t)
	p.send(request("S", "leave", `{}`))
	p.closed()
	eventually(t, "it is gone", func() bool { return len(w.Conns()) == 0 })
	w.mustWork(t)
}

// Everybody pushes to everybody, while connections come and go.
func TestPushHammer(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]server.PushPolicy{
		"PushWait": server.PushWait, "PushRefuse": server.PushRefuse, "PushDropOldest": server.PushDropOldest, "PushDisconnect": server.PushDisconnect,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t, server.WithPushPolicy(policy), server.WithLimits(server.Limits{Pushes: 8}))
			w.handle("tell", func(ctx context.Context, args *Args, _ *Reply) error {
				ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				_ = w.PushAll(ctx, "S", "told", rpcx.Metadata{}, []byte(fmt.Sprint(args.A)))
				return nil
			})
			var all sync.WaitGroup
			for n := range 4 {
				all.Go(func() {
					for i := range 5 {
						c, err := client.Dial(t.Context(), w.network, w.addr, w.option(client.Option{OnPush: func(*protocol.Message) {}}))
						if err != nil {
							t.Error(err)
							return
						}
						for range 10 {
							if err := c.Call(t.Context(), "S", "tell", &Args{A: n}, &Reply{}); err != nil && policy != server.PushDisconnect {
								t.Errorf("round %d: %v", i, err)
							}
						}
						c.Close()
					}
				})
			}
			all.Wait()
			eventually(t, "all connections are gone", func() bool { return len(w.Conns()) == 0 })
		})
	}
}

// What was pushed before a shutdown still arrives.
func TestPushesBeforeShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		p := w.dial(t)
		conn := w.onlyConn()
		for i := range 200 {
			if err := conn.Push(t.Context(), "S", strconv.Itoa(i), rpcx.Metadata{}, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- w.Shutdown(t.Context()) }()
		for i := range 200 {
			if m := p.receive(); m.Method != strconv.Itoa(i) {
				t.Fatalf("push %d is %s", i, m.Method)
			}
		}
		p.closed()
		p.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
