// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// inbox keeps what was pushed.
type inbox struct {
	mu      sync.Mutex
	methods []string
}

func (in *inbox) put(m *protocol.Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.methods = append(in.methods, m.Method)
}

func (in *inbox) all() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.methods)
}

// numbers returns the texts of the numbers from a up to b.
func numbers(a, b int) []string {
	var list []string
	for i := a; i < b; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

// What a server pushes arrives whole and in order, at a handler or on a channel.
func TestPushes(t *testing.T) {
	t.Parallel()
	const n = 500
	for _, way := range []string{"handler", "channel"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			messages := make(chan *protocol.Message, 7)
			opt := client.Option{Pushes: messages}
			if way == "handler" {
				opt = client.Option{OnPush: func(m *protocol.Message) { messages <- m }}
			}
			s := rpctest.NewServer(t)
			handle(t, s.Server, "M", echo)
			x := s.Client(t, "S", opt)
			eventually(t, "the client connects", func() bool { return len(s.Conns()) == 1 })
			c := s.Conns()[0]
			pushed := make(chan error, 1)
			go func() {
				for i := range n {
					if err := c.Push(t.Context(), "news", fmt.Sprint(i), rpcx.Pairs("k", "v"), fmt.Append(nil, "payload ", i)); err != nil {
						pushed <- err
						return
					}
				}
				pushed <- nil
			}()
			for i := range n {
				m := receive(t, messages, "a push")
				if m.Service != "news" || m.Method != fmt.Sprint(i) || m.Metadata.Get("k") != "v" ||
					string(m.Payload) != fmt.Sprint("payload ", i) || !m.IsPush() {
					t.Fatalf("push %d is %+v", i, m)
				}
			}
			if err := receive(t, pushed, "the server"); err != nil {
				t.Error(err)
			}
			wantOK(t, receive(t, inBackground(of(t.Context(), x), "x"), "a call"), "x")
		})
	}
}

// A client that wants pushes connects without a call, to every server there is, and
// again when a connection is lost or a server was away. In rpcx
// that is for the program to see to.
func TestPushClientStaysConnected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		a, b := listenOn(t, network, "a"), listenOn(t, network, "b")
		var got inbox
		d := client.NewMultipleServersDiscovery(pairs(a))
		x := client.NewXClient("S", client.Failover, client.RandomSelect, d, a.option(client.Option{OnPush: got.put}))
		closing(t, x)
		a.accept().push("from a")
		synctest.Wait() // connections are read at the same time
		if err := d.Update(pairs(a, b)); err != nil {
			t.Fatal(err)
		}
		wb := b.accept()
		wb.push("from b")
		synctest.Wait()
		if n := a.accepted(); n != 1 {
			t.Errorf("%d connections to a, want 1", n)
		}

		wb.Close() // lost
		wb = b.accept()
		wb.push("from b again")

		for _, away := range []time.Duration{time.Second, time.Minute, time.Hour} { // restarted
			b.refuse()
			wb.Close()
			time.Sleep(away)
			b.listen()
			back := time.Now()
			wb = b.accept()
			if took := time.Since(back); took > 6*time.Second {
				t.Errorf("connected again %v after the server was back", took)
			}
			wb.push("after " + away.String())
		}
		synctest.Wait()
		want := []string{"from a", "from b", "from b again", "after 1s", "after 1m0s", "after 1h0m0s"}
		if all := got.all(); !slices.Equal(all, want) {
			t.Errorf("got %q, want %q", all, want)
		}
		if err := d.Update(nil); err != nil { // and lets go of servers that leave
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(a.open()) + len(b.open()); n != 0 {
			t.Errorf("%d connections are left open", n)
		}
	})
}

// A server that closes every connection is not flooded with new ones.
func TestPushClientDoesNotStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.mu.Lock()
		p.serve = func(w *wire) { w.Close() }
		p.mu.Unlock()
		p.client(client.Failover, client.Option{OnPush: func(*protocol.Message) {}})
		time.Sleep(10 * time.Second)
		if n := p.accepted(); n < 3 || n > 100 {
			t.Errorf("%d connections in 10 s, want some, and at most one in 100 ms", n)
		}
	})
}

// A push client notices that it is cut off, though nobody asked for heartbeats.
func TestPushClientFindsSilentServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.client(client.Failover, client.Option{Pushes: make(chan *protocol.Message)})
		p.accept()
		began := time.Now()
		w := receiveWithin(t, p.conns, 2*time.Minute)
		if took := time.Since(began); w == nil || took < 30*time.Second {
			t.Errorf("connected again after %v, the defaults are 30 s and 30 s", took)
		}
	})
}

// receiveWithin is for virtual time.
func receiveWithin[T any](t testing.TB, ch <-chan T, d time.Duration) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(d):
		t.Errorf("nothing came within %v", d)
		var none T
		return none
	}
}

// Up to the length of the queue nothing is lost. Beyond, the newest are dropped and
// counted, with one warning each time; calls go on all the same.
func TestPushQueueOverflows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const queue = 10
		var got inbox
		var log bytes.Buffer
		release := make(chan struct{})
		c, w := newPeer(t).dial(client.Option{
			PushQueue: queue,
			OnPush:    func(m *protocol.Message) { <-release; got.put(m) },
			Logger:    slog.New(slog.NewTextHandler(&log, nil)),
		})
		w.push("0")
		synctest.Wait() // the handler has it
		for _, n := range numbers(1, queue+1) {
			w.push(n)
		}
		w.sync(c)
		if c.Dropped() != 0 {
			t.Errorf("%d were dropped, the queue has room for all", c.Dropped())
		}
		for _, n := range numbers(queue+1, queue+6) {
			w.push(n)
		}
		w.sync(c) // the connection is read
		if c.Dropped() != 5 {
			t.Errorf("%d were dropped, want 5", c.Dropped())
		}
		if n := strings.Count(log.String(), "pushes are dropped"); n != 1 {
			t.Errorf("%d warnings, want 1:\n%s", n, log.String())
		}
		for range queue + 1 {
			release <- struct{}{}
		}
		synctest.Wait()
		if all := got.all(); !slices.Equal(all, numbers(0, queue+1)) {
			t.Errorf("got %q", all)
		}
		close(release)
		w.push("next")
		synctest.Wait()
		if all := got.all(); all[len(all)-1] != "next" {
			t.Errorf("got %q, want the next one as well", all)
		}
	})
}

// With BlockOnPush nothing is dropped: the connection waits.
func TestBlockOnPush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got inbox
		release := make(chan struct{})
		c, w := newPeer(t).dial(client.Option{
			PushQueue: 3, BlockOnPush: true,
			OnPush: func(m *protocol.Message) { <-release; got.put(m) },
		})
		done := inBackground(on(t.Context(), c), "x")
		m := w.next()
		for _, n := range numbers(0, 50) {
			w.push(n)
		}
		w.reply(m, "behind them")
		synctest.Wait()
		select {
		case r := <-done:
			t.Errorf("the reply overtook the pushes: %+v", r)
		default:
		}
		close(release)
		wantOK(t, <-done, "behind them")
		synctest.Wait()
		if all := got.all(); !slices.Equal(all, numbers(0, 50)) || c.Dropped() != 0 {
			t.Errorf("got %q, %d dropped", all, c.Dropped())
		}
	})
}

// Close waits for the delivery that is under way, and for no other.
func TestCloseWhileHandlerRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got inbox
		entered := make(chan struct{}, 10)
		release := make(chan struct{})
		c, w := newPeer(t).dial(client.Option{OnPush: func(m *protocol.Message) {
			entered <- struct{}{}
			<-release
			got.put(m)
		}})
		w.push("0")
		<-entered
		for _, n := range numbers(1, 5) {
			w.push(n)
		}
		w.sync(c)
		closed := make(chan struct{})
		go func() {
			c.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close did not wait for the handler")
		default:
		}
		release <- struct{}{}
		synctest.Wait()
		select {
		case <-closed:
		default:
			t.Error("Close waits for messages that were still queued")
			close(release)
			<-closed
		}
		if all := got.all(); !slices.Equal(all, []string{"0"}) {
			t.Errorf("delivered %q, want the one that was under way", all)
		}
	})
}

// Nobody takes from the channel: Close does not wait for that.
func TestCloseWhileChannelIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nobody := make(chan *protocol.Message)
		c, w := newPeer(t).dial(client.Option{Pushes: nobody, BlockOnPush: true, PushQueue: 1})
		for _, n := range numbers(0, 10) {
			w.push(n)
		}
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		select {
		case m, open := <-nobody:
			t.Errorf("got %v, open %t", m, open)
		default:
		}
	})
}

// What was pushed before a connection was lost is still delivered, however slowly it
// is taken.
func TestPushesBeforeTheEnd(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"handler", "channel"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				messages := make(chan *protocol.Message)
				opt := client.Option{Pushes: messages}
				if way == "handler" {
					opt = client.Option{OnPush: func(m *protocol.Message) { messages <- m }}
				}
				c, w := newPeer(t).dial(opt)
				for _, n := range numbers(0, 20) {
					w.push(n)
				}
				w.Close()
				<-c.Done()
				for _, n := range numbers(0, 20) {
					time.Sleep(time.Second)
					if m := <-messages; m.Method != n {
						t.Errorf("got %s, want %s", m.Method, n)
					}
				}
			})
		})
	}
}

// A client that did not ask for pushes drops and counts them.
func TestPushesNobodyWants(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	for _, n := range numbers(0, 10) {
		w.push(n)
	}
	w.sync(c)
	if c.Dropped() != 10 {
		t.Errorf("%d were dropped, want 10", c.Dropped())
	}
}

// A handler may make calls, over the very connection.
func TestCallsFromPushHandler(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	var x atomic.Pointer[client.XClient]
	ready := make(chan struct{})
	done := make(chan result, 1)
	x.Store(s.Client(t, "S", client.Option{OnPush: func(m *protocol.Message) {
		<-ready
		done <- <-inBackground(of(context.Background(), x.Load()), m.Method)
	}}))
	close(ready)
	eventually(t, "the client connects", func() bool { return len(s.Conns()) == 1 })
	if err := s.PushAll(t.Context(), "news", "call back", rpcx.Metadata{}, nil); err != nil {
		t.Fatal(err)
	}
	wantOK(t, receive(t, done, "the call"), "call back")
}

// With BlockOnPush a handler may take its time: that the connection is not read then
// does not make its server a silent one.
func TestBlockedPushesAreNoSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		var got inbox
		p.client(client.Failover, client.Option{
			PushQueue: 1, BlockOnPush: true,
			OnPush: func(m *protocol.Message) { time.Sleep(5 * time.Minute); got.put(m) },
		})
		w := p.accept()
		for _, n := range numbers(0, 6) {
			w.push(n)
		}
		_ = w.SetReadDeadline(time.Time{})
		p.tasks.Go(func() {
			for {
				m, err := w.read()
				if err != nil {
					return
				}
				w.echo(m)
			}
		})
		time.Sleep(time.Hour)
		if all := got.all(); !slices.Equal(all, numbers(0, 6)) || p.accepted() != 1 {
			t.Errorf("got %q over %d connections, want all over one", all, p.accepted())
		}
		_ = w.SetReadDeadline(time.Now())        // the peer falls silent
		receiveWithin(t, p.conns, 2*time.Minute) // and is found dead
	})
}
