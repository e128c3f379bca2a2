// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// A heartbeat comes back as it was, with the response bit. No user code runs for it.
func TestHeartbeatIsEchoed(t *testing.T) {
	t.Parallel()
	never := func(context.Context, string, string, string) error {
		t.Error("a heartbeat was authenticated")
		return errors.New("no")
	}
	w := inMemory(t, server.WithAuth(never), server.WithInterceptor(failIfCalled(t)), server.WithObserver(newRecorder()))
	p := w.dial(t)
	for name, m := range map[string]*protocol.Message{
		"bare":           {Header: protocol.Header{Heartbeat: true}},
		"classic":        {Header: protocol.Header{Heartbeat: true, Serialize: protocol.MsgPack, Seq: 7}, Payload: []byte("\xd3\x18\xea\x53\xe2\x4c\x55\xfc\x55")},
		"one-way":        {Header: protocol.Header{Heartbeat: true, Oneway: true, Seq: 8}},
		"with names":     {Header: protocol.Header{Heartbeat: true}, Service: "Arith", Method: "Mul", Payload: []byte("{}")},
		"control names":  {Header: protocol.Header{Heartbeat: true, Oneway: true}, Service: "_rpcx", Method: "cancel"},
		"with metadata":  {Header: protocol.Header{Heartbeat: true}, Metadata: rpcx.Pairs("k", "v", "k", "w", "__AUTH", "x")},
		"not compressed": {Header: protocol.Header{Heartbeat: true, Compress: protocol.Gzip}, Payload: []byte("this is no gzip")},
		"unknown codec":  {Header: protocol.Header{Heartbeat: true, Serialize: 15, Compress: 7, Status: 3, Version: 9, Reserved: 5, Seq: 1 << 63}},
		"4 KiB":          {Header: protocol.Header{Heartbeat: true}, Service: "s", Method: "m", Payload: make([]byte, 4<<10-2)},
	} {
		p.send(m)
		got := p.receive()
		want := m.Header
		want.Type = protocol.Response
		if got.Header != want || got.Service != m.Service || got.Method != m.Method || got.Metadata != m.Metadata || !bytes.Equal(got.Payload, m.Payload) {
			t.Errorf("%s: echoed as %+v %s.%s %v %q", name, got.Header, got.Service, got.Method, got.Metadata.Map(), got.Payload)
		}
	}
}

// failIfCalled is an interceptor that must not be reached.
func failIfCalled(t *testing.T) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			t.Errorf("%s.%s reached the interceptors", c.Service, c.Method)
			return next(ctx, c)
		}
	}}
}

// One that is longer than any real one costs the connection. What was answered before
// it still arrives.
func TestLongHeartbeat(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*protocol.Message{
		"payload":  {Payload: make([]byte, 4<<10+1)},
		"metadata": {Metadata: rpcx.Pairs("k", strings.Repeat("v", 4<<10))},
		"offer":    {Metadata: rpcx.Pairs("__rpcx_offer", strings.Repeat("cancel ", 1<<10))},
		"in all":   {Service: strings.Repeat("s", 1024), Method: strings.Repeat("m", 1024), Payload: make([]byte, 2049)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inMemory(t).arith()
			p := w.dial(t)
			m.Heartbeat = true
			p.send(request("Arith", "Mul", `{"A":6,"B":7}`), m, request("Arith", "Mul", `{}`))
			if got := p.receive(); string(got.Payload) != `{"C":42}` {
				t.Errorf("the call before it is answered with %s", got.Payload)
			}
			p.closed()
			w.mustWork(t)
		})
	}
}

// zstdName is a compressor in name and number alone.
type zstdName struct{ compress.Compressor }

func (zstdName) ID() protocol.CompressType { return 7 }
func (zstdName) Name() string              { return "zstd" }

// A heartbeat with an offer is answered with what the server accepts in its place.
func TestHello(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithCompressor(zstdName{}))
	p := w.dial(t)
	for name, offer := range map[string]string{
		"all":     "cancel drain compress:zstd=7",
		"nothing": "",
		"unknown": "time-travel \x00 \xff compress:zstd=99 compress:=",
	} {
		m := &protocol.Message{
			Header:   protocol.Header{Heartbeat: true, Seq: 42, Oneway: true},
			Metadata: rpcx.Pairs("other", "gone", "__rpcx_offer", offer),
		}
		p.send(m)
		got := p.receive()
		want := m.Header
		want.Type = protocol.Response
		if md := rpcx.Pairs("__rpcx_accept", "cancel drain compress:gzip=1 compress:zstd=7"); got.Metadata != md || got.Header != want {
			t.Errorf("%s: answered with %+v %v, want %v", name, got.Header, got.Metadata.Map(), md.Map())
		}
	}
}

// The exact bytes of spec.md.
func TestHelloBytes(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	nc := w.dialNet(t)
	if _, err := nc.Write(encode(t, &protocol.Message{
		Header:   protocol.Header{Heartbeat: true},
		Metadata: rpcx.Pairs("__rpcx_offer", "cancel drain compress:zstd=7"),
	})); err != nil {
		t.Fatal(err)
	}
	want := "\x08\x00\xc0\x00" + strings.Repeat("\x00", 8) + "\x00\x00\x00\x41" + strings.Repeat("\x00", 8) + "\x00\x00\x00\x31" +
		"\x00\x00\x00\x0d__rpcx_accept" + "\x00\x00\x00\x1ccancel drain compress:gzip=1" + "\x00\x00\x00\x00"
	got := make([]byte, len(want))
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := nc.Read(got); err != nil || string(got) != want {
		t.Errorf("answered with\n%q (%v), want\n%q", got, err, want)
	}
}

// A cancel frame ends the context of the call and nothing else; no reply is sent.
func TestCancelFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		p.send(numbered(3, request("S", "block", `{"A":6,"B":7}`)))
		<-b.began
		p.send(numbered(4, request("S", "block", `{"A":6,"B":7}`)))
		<-b.began
		p.send(cancelFrame(99)) // of no call
		p.silent()
		p.send(cancelFrame(3))
		if err := <-b.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler ended with %v, want that it was canceled", err)
		}
		p.silent() // no answer to 3
		p.send(cancelFrame(3))
		p.silent()
		close(b.release)
		if got := p.receive(); got.Seq != 4 || string(got.Payload) != `{"C":42}` {
			t.Errorf("the other call is answered with %d %s", got.Seq, got.Payload)
		}
	})
}

// A call that heeds no context and was given up is not answered either.
func TestCanceledCallIsNotAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		began, release := make(chan struct{}), make(chan struct{})
		w.handle("deaf", func(context.Context, *Args, *Reply) error {
			close(began)
			<-release
			return nil
		})
		p := w.dial(t)
		p.send(numbered(3, request("S", "deaf", `{}`)))
		<-began
		p.send(cancelFrame(3))
		p.silent()
		close(release)
		synctest.Wait()
		p.silent()
	})
}

// What looks like a control frame and is none.
func TestControlFrames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		p.send(numbered(3, request("S", "block", `{}`)))
		<-b.began
		time.Sleep(time.Second)
		for name, m := range map[string]*protocol.Message{
			"unknown":         {Header: protocol.Header{Oneway: true, Seq: 3}, Service: "_rpcx", Method: "from the future"},
			"no method":       {Header: protocol.Header{Oneway: true, Seq: 3}, Service: "_rpcx"},
			"drain":           {Header: protocol.Header{Oneway: true, Seq: 3}, Service: "_rpcx", Method: "drain"},
			"capitals":        {Header: protocol.Header{Oneway: true, Seq: 3}, Service: "_rpcx", Method: "CANCEL"},
			"another service": {Header: protocol.Header{Oneway: true, Seq: 3}, Service: "_rpcx2", Method: "cancel"},
			"response":        {Header: protocol.Header{Type: protocol.Response, Oneway: true, Seq: 3}, Service: "_rpcx", Method: "cancel"},
		} {
			p.send(m)
			p.silent()
			if len(b.ended) > 0 {
				t.Fatalf("%s: it ended the call", name)
			}
		}
		// One that wants an answer is an ordinary call to a service that does not exist.
		got := p.call(numbered(7, &protocol.Message{Service: "_rpcx", Method: "cancel"}))
		if errorText(got) != "rpcx: can't find service _rpcx" {
			t.Errorf("answered with %v", got.Metadata.Map())
		}
		close(b.release)
	})
}

// Another connection cannot cancel a call, whatever sequence id it names.
func TestCancelStaysOnItsConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p, other := w.dial(t), w.dial(t)
		p.send(numbered(3, request("S", "block", `{"A":6,"B":7}`)))
		<-b.began
		time.Sleep(time.Second)
		other.send(cancelFrame(3))
		other.silent()
		close(b.release)
		if got := p.receive(); string(got.Payload) != `{"C":42}` {
			t.Errorf("answered with %s", got.Payload)
		}
	})
}

// All calls that share a sequence id are canceled together.
func TestCancelOfASharedSequenceID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		for range 3 {
			p.send(numbered(3, request("S", "block", `{}`)))
			<-b.began
		}
		time.Sleep(time.Second)
		p.send(cancelFrame(3))
		for range 3 {
			<-b.ended
		}
		p.silent()
	})
}

// Our client cancels when its context is canceled.
func TestClientCancels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		c := w.conn(t, client.DefaultOption)
		if _, err := c.Heartbeat(t.Context()); err != nil { // the hello was answered before
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		call := c.Go(ctx, "S", "block", &Args{}, &Reply{}, nil)
		<-b.began
		cancel()
		if err := (<-call.Done).Error; !errors.Is(err, context.Canceled) {
			t.Errorf("Call returned %v", err)
		}
		if err := <-b.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler ended with %v", err)
		}
	})
}
