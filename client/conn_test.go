// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

// Requests do not wait for replies, and replies find their calls in any order.
func TestConnPipelines(t *testing.T) {
	t.Parallel()
	const n = 50
	c, w := newPeer(t).dial(client.Option{})
	calls := make(map[string]<-chan result, n)
	for i := range n {
		args := fmt.Sprint("call ", i)
		calls[args] = inBackground(on(t.Context(), c), args)
	}
	var requests []*protocol.Message
	seqs := make(map[uint64]bool)
	for range n {
		m := w.next()
		requests = append(requests, m)
		seqs[m.Seq] = true
	}
	if len(seqs) != n || seqs[w.hello.Seq] {
		t.Errorf("%d calls have %d sequence ids: %v", n, len(seqs), seqs)
	}
	if c.Pending() != n {
		t.Errorf("%d calls are pending, want %d", c.Pending(), n)
	}
	slices.Reverse(requests)
	for _, m := range requests {
		w.reply(m, "reply to "+string(m.Payload))
	}
	for args, done := range calls {
		wantOK(t, receive(t, done, args), "reply to "+args)
	}
	if c.Pending() != 0 {
		t.Errorf("%d calls are pending", c.Pending())
	}
}

func TestConnDropsRepliesNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	first := inBackground(on(t.Context(), c), "first")
	m := w.next()
	stranger := answerTo(m, "stranger")
	stranger.Seq = 1 << 40
	w.send(stranger)
	w.reply(m, "once")
	w.reply(m, "twice")
	wantOK(t, receive(t, first, "the first call"), "once")

	second := inBackground(on(t.Context(), c), "second")
	w.reply(w.next(), "fine")
	wantOK(t, receive(t, second, "the second call"), "fine")
	if n := c.Dropped(); n != 2 {
		t.Errorf("%d frames were dropped, want 2", n)
	}
}

// Classic servers are tied to the sequence id alone, and so is what answers a call: a
// missing response bit, other names and another codec change nothing.
func TestConnMatchesRepliesBySequenceIDAlone(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	done := inBackground(on(t.Context(), c), "x")
	a := answerTo(w.next(), `"aGk="`)
	a.Type, a.Serialize = protocol.Request, protocol.JSON
	a.Service, a.Method = "Other", "Name"
	w.send(a)
	wantOK(t, receive(t, done, "the call"), "hi")
}

func TestConnCallWithoutReplyPayload(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	reply := []byte("as it was")
	call := c.Go(t.Context(), "S", "M", []byte("x"), &reply, nil)
	w.reply(w.next(), "")
	if receive(t, call.Done, "the call"); call.Error != nil || string(reply) != "as it was" {
		t.Errorf("reply is %q, %v", reply, call.Error)
	}
}

// What no reply can be decoded into is refused before the call runs.
func TestReplyMustBeAPointer(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	for _, reply := range []any{Reply{}, []byte{}, (*Reply)(nil), map[string]int{}, 7} {
		err := c.Call(t.Context(), "S", "M", []byte("x"), reply)
		wantError(t, err, rpcx.InvalidArgument, true)
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%T", reply)) {
			t.Errorf("error %q does not tell the type", err)
		}
	}
	w.sync(c)
}

func TestConnGo(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	shared := make(chan *client.Call, 2)
	var replies [2][]byte
	var trailer rpcx.Metadata
	a := c.Go(t.Context(), "S", "A", []byte("a"), &replies[0], shared, client.WithTrailer(&trailer))
	ma := w.next()
	b := c.Go(t.Context(), "S", "B", []byte("b"), &replies[1], shared)
	mb := w.next()
	if a.Done != shared || b.Done != shared {
		t.Error("Done is not the channel that was given")
	}
	if a.Service != "S" || a.Method != "A" || string(a.Args.([]byte)) != "a" || a.Reply != any(&replies[0]) {
		t.Errorf("call is %+v", a)
	}
	w.replyError(mb, rpcx.Errorf(rpcx.NotFound, "no b"))
	if got := receive(t, shared, "b"); got != b || !errors.Is(b.Error, rpcx.NotFound) {
		t.Errorf("got %+v, want b with an error", got)
	}
	answer := answerTo(ma, "A!")
	answer.Metadata = rpcx.Pairs("k", "v")
	w.send(answer)
	if got := receive(t, shared, "a"); got != a || a.Error != nil || string(replies[0]) != "A!" {
		t.Errorf("got %+v with reply %q, want a", got, replies[0])
	}
	if a.Metadata.Get("k") != "v" || trailer.Get("k") != "v" {
		t.Errorf("reply metadata is %v and %v, want k=v", a.Metadata.Map(), trailer.Map())
	}
}

// A call that finds its channel full waits, but not for longer than its context.
func TestConnGoWithFullChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		x := p.client(client.Failfast, client.Option{})
		unbuffered := make(chan *client.Call)
		var reply []byte
		taken := x.Go(t.Context(), "M", []byte("x"), &reply, unbuffered)
		synctest.Wait()
		if got := <-unbuffered; got != taken || got.Error != nil {
			t.Errorf("got %+v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		x.Go(ctx, "M", []byte("x"), &reply, unbuffered)
		synctest.Wait()
		cancel()
		synctest.Wait() // its goroutine must end, or the bubble never does
		select {
		case got := <-unbuffered:
			t.Errorf("got %+v from a call whose context ended", got)
		default:
		}
	})
}

func TestConnLost(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	done := inBackground(on(t.Context(), c), "x")
	w.next()
	w.Close()
	got := receive(t, done, "the call")
	wantError(t, got.err, rpcx.Unavailable, false)
	for _, want := range []string{"outcome unknown", "S.M", "mem@peer", "lost"} {
		if !strings.Contains(got.err.Error(), want) {
			t.Errorf("error %q does not say %q", got.err, want)
		}
	}
	await(t, c.Done(), "the end of the connection")
	wantError(t, c.Err(), rpcx.Unavailable, false)

	// Nothing of what comes now is sent, and it says so.
	wantError(t, c.Call(t.Context(), "S", "M", []byte("x"), new([]byte)), rpcx.Unavailable, true)
	wantError(t, c.Call(t.Context(), "S", "M", []byte("x"), nil), rpcx.Unavailable, true)
	_, err := c.SendRaw(t.Context(), &protocol.Message{Service: "S", Method: "M"})
	wantError(t, err, rpcx.Unavailable, true)
	_, err = c.Heartbeat(t.Context())
	wantError(t, err, rpcx.Unavailable, true)
}

func TestConnClose(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	if c.Err() != nil {
		t.Errorf("a working connection has the error %v", c.Err())
	}
	var calls []<-chan result
	for range 20 {
		calls = append(calls, inBackground(on(t.Context(), c), "x"))
		w.next()
	}
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() {
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	closers.Wait()
	for _, done := range calls {
		got := receive(t, done, "a call")
		wantError(t, got.err, rpcx.Canceled, false)
		if !strings.Contains(got.err.Error(), "outcome unknown") || !strings.Contains(got.err.Error(), "is shut down") {
			t.Errorf("error is %q", got.err)
		}
	}
	await(t, c.Done(), "the end of the connection")
	wantError(t, c.Err(), rpcx.Canceled, false)
	wantError(t, c.Call(t.Context(), "S", "M", []byte("x"), new([]byte)), rpcx.Unavailable, true)
	w.wantEnd()
}

func TestDialFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, network, addr string
		opt                 client.Option
		code                rpcx.Code
		says                string
	}{
		{"refused", "tcp", freeAddr(t), client.Option{}, rpcx.Unavailable, "refused"},
		{"unknown network", "pigeon", "coo", client.Option{}, rpcx.InvalidArgument, `unknown network "pigeon"`},
		{"bad option", "tcp", "127.0.0.1:1", client.Option{MaxPending: -1}, rpcx.InvalidArgument, "MaxPending"},
		{"nobody there", "unix", t.TempDir() + "/s", client.Option{}, rpcx.Unavailable, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := client.Dial(t.Context(), tt.network, tt.addr, tt.opt)
			wantError(t, err, tt.code, true)
			if c != nil || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, error %q, want it to say %q", c, err, tt.says)
			}
		})
	}
}

func TestConnPeer(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	c := s.Dial(t, client.Option{})
	var peer rpcx.Peer
	var reply []byte
	if err := c.Call(t.Context(), "S", "M", []byte("x"), &reply, client.WithPeer(&peer)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []rpcx.Peer{peer, c.Peer()} {
		if p.Network != "mem" || p.Addr.String() != s.Address().String() || p.Local == nil || p.TLS != nil {
			t.Errorf("peer is %+v", p)
		}
	}
}

// A one-way call is done when the connection has taken all of it.
func TestOnewayWaitsUntilWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		big := make([]byte, 200<<10) // more than the connection buffers
		done := make(chan error, 1)
		go func() { done <- c.Call(t.Context(), "S", "M", big, nil) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("done before it was written: %v", err)
		default:
		}
		m := w.next()
		if !m.Oneway || len(m.Payload) != len(big) || m.Seq == w.hello.Seq {
			t.Errorf("got %d bytes, header %+v", len(m.Payload), m.Header)
		}
		synctest.Wait()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("one-way: %v", err)
			}
		default:
			t.Error("still waits though everything was read")
		}
		if c.Pending() != 0 {
			t.Errorf("%d calls are pending", c.Pending())
		}
	})
}

func TestOnewayReportsWriteErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		done := make(chan error, 1)
		go func() { done <- c.Call(t.Context(), "S", "M", make([]byte, 200<<10), nil) }()
		synctest.Wait()
		w.Close()
		err := <-done
		wantError(t, err, rpcx.Unavailable, false)
		if err != nil && !strings.Contains(err.Error(), "outcome unknown") {
			t.Errorf("error is %q", err)
		}
	})
}

// One-way calls of one goroutine arrive in order, and a reply that a server sends to
// one all the same is dropped.
func TestOnewayOrder(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	for i := range 100 {
		if err := c.Call(t.Context(), "S", "M", []byte{byte(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		m := w.next()
		if !m.Oneway || m.Payload[0] != byte(i) {
			t.Fatalf("frame %d is %+v", i, m)
		}
		if i == 0 {
			w.reply(m, "what for?")
		}
	}
	w.sync(c)
	if c.Dropped() != 1 {
		t.Errorf("%d frames were dropped, want 1", c.Dropped())
	}
}

// A server that stops reading costs its callers the write timeout, not their lives.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newPeer(t).dial(client.Option{WriteTimeout: 3 * time.Second})
		began := time.Now()
		err := c.Call(context.Background(), "S", "M", make([]byte, 1<<20), new([]byte))
		wantError(t, err, rpcx.Unavailable, false)
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("took %v, the write timeout is 3 s", took)
		}
		<-c.Done()
		var timeout net.Error
		if !errors.As(c.Err(), &timeout) || !timeout.Timeout() {
			t.Errorf("connection ended with %v, want a timeout", c.Err())
		}
	})
}

// Many goroutines share a connection, and each gets its own replies.
func TestConnConcurrently(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	c := s.Dial(t, client.Option{})
	var callers sync.WaitGroup
	for g := range 32 {
		callers.Go(func() {
			for i := range 100 {
				args := strings.Repeat(fmt.Sprintf("%d/%d;", g, i), 1+i*3)
				var reply []byte
				if err := c.Call(t.Context(), "S", "M", []byte(args), &reply); err != nil || string(reply) != args {
					t.Errorf("sent %.20q, got %.20q, %v", args, reply, err)
					return
				}
			}
		})
	}
	callers.Wait()
	if c.Pending() != 0 || c.Dropped() != 0 {
		t.Errorf("%d pending, %d dropped", c.Pending(), c.Dropped())
	}
}
