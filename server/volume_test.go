// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// stalls are peers that begin a frame and do not end it: what they send, and at what
// intervals.
func stalls(t testing.TB) map[string]struct {
	before []byte // at once
	drip   []byte // a byte at a time
} {
	frame := encode(t, request("Arith", "Mul", `{"A":6,"B":7}`))
	big := encode(t, request("Arith", "Mul", `{"x":"`+strings.Repeat("x", 100_000)+`"}`))
	type s = struct{ before, drip []byte }
	return map[string]struct{ before, drip []byte }{
		"1 byte":                        s{frame[:1], nil},
		"12 of 16 bytes":                s{frame[:12], nil},
		"the header alone":              s{frame[:16], nil},
		"half a body":                   s{frame[:len(frame)-10], nil},
		"all but a byte":                s{frame[:len(frame)-1], nil},
		"half a body after a good call": s{append(bytes.Clone(frame), frame[:30]...), nil},
		"half a large body":             s{big[:40_000], nil},
		"byte by byte":                  s{nil, frame},
		"byte by byte in a large body":  s{big[:1000], big[1000:]},
		"a claim of the limit":          s{claim(protocol.DefaultFrameLimit), nil},
	}
}

// By default a frame that has begun must be there ten seconds later.
func TestStalledPeersAreCutAfterTenSeconds(t *testing.T) {
	t.Parallel()
	for name, c := range stalls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t).arith()
				p := w.dial(t)
				if _, err := p.Write(c.before); err != nil {
					t.Fatal(err)
				}
				ended := make(chan time.Duration, 1)
				began := time.Now()
				go func() {
					drainAll(p.Conn)
					ended <- time.Since(began)
				}()
				for _, b := range c.drip {
					if _, err := p.Write([]byte{b}); err != nil {
						break
					}
					time.Sleep(500 * time.Millisecond)
				}
				if took := <-ended; took != 10*time.Second {
					t.Errorf("cut after %v, want the default of 10s", took)
				}
				w.mustWork(t)
			})
		})
	}
}

// A large frame that keeps coming is not cut, however long it takes as a whole.
func TestSlowUploadIsNotCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		if err := server.Handle(w.Server, "S", "len", func(_ context.Context, args *string, reply *int) error {
			*reply = len(*args)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p := w.dial(t)
		frame := encode(t, request("S", "len", `"`+strings.Repeat("x", 1<<20)+`"`))
		began := time.Now()
		for len(frame) > 0 {
			n := min(len(frame), 64<<10)
			if _, err := p.Write(frame[:n]); err != nil {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			frame = frame[n:]
			time.Sleep(9 * time.Second)
		}
		if got := p.receive(); string(got.Payload) != fmt.Sprint(1<<20) {
			t.Errorf("answered with %s %v after %v", got.Payload, got.Metadata.Map(), time.Since(began))
		}
	})
}

// The same over TCP, in real time and with a limit that a test can wait for: every one
// of them goes, and nobody else notices.
func TestStalledPeersOverTCP(t *testing.T) {
	const each = 20
	w := newTarget(t, server.WithLimits(server.Limits{Limits: protocol.Limits{Stall: 200 * time.Millisecond}}))
	var peers []net.Conn
	for _, c := range stalls(t) {
		for range each {
			nc := w.dialNet(t)
			if _, err := nc.Write(append(c.before, c.drip...)[:max(1, len(c.before))]); err != nil {
				t.Fatal(err)
			}
			peers = append(peers, nc)
		}
	}
	for range 20 {
		w.mustWork(t)
	}
	for _, nc := range peers {
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, nc); errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("a stalled peer is still connected")
		}
		nc.Close()
	}
	w.intact(t)
}

// Peers that do not get on with their TLS handshake go as well.
func TestStalledHandshakesOverTCP(t *testing.T) {
	ca := transporttest.NewCA(t)
	w := onTCP(t, server.WithTLSConfig(ca.Server()), server.WithLimits(server.Limits{HandshakeTimeout: 200 * time.Millisecond})).arith()
	before := runtime.NumGoroutine()
	for _, first := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01", "GET / HTTP/1.1\r\n", "\x08\x00\x00\x00"} {
		for range 20 {
			nc := w.dialNet(t)
			_, _ = nc.Write([]byte(first))
			defer func() {
				_ = nc.SetReadDeadline(time.Now().Add(patience))
				drainAll(nc)
				nc.Close()
			}()
		}
	}
	config := ca.Client()
	config.ServerName = transporttest.ServerName
	nc, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	if got := newPeer(t, nc).call(request("Arith", "Mul", `{"A":6,"B":7}`)); string(got.Payload) != `{"C":42}` {
		t.Errorf("a good call beside them is answered with %s", got.Payload)
	}
	nc.Close()
	eventually(t, "all of them are gone", func() bool { return w.Stats().Conns == 0 && runtime.NumGoroutine() <= before+4 })
}

// Three hundred each of peers that are idle, that stalled and that were used once: others
// are served, and each costs little.
func TestManyQuietPeers(t *testing.T) {
	const each = 300
	w := newTarget(t)
	frame := encode(t, request("Arith", "Mul", `{"A":6,"B":7}`))
	large := encode(t, request("Arith", "Mul", `{"x":"`+strings.Repeat("x", 80_000)+`"}`))
	kinds := map[string]struct {
		begin func(p *peer)
		cost  uint64 // in bytes, each, the client's side in this process included
	}{
		"idle":            {func(*peer) {}, 48 << 10},
		"half a header":   {func(p *peer) { _, _ = p.Write(frame[:8]) }, 48 << 10},
		"used":            {func(p *peer) { p.call(request("Arith", "Mul", `{"A":6,"B":7}`)) }, 48 << 10},
		"used for more":   {func(p *peer) { _, _ = p.Write(large); p.receive(); p.call(request("Arith", "Mul", `{}`)) }, 48 << 10},
		"that said hello": {func(p *peer) { p.hello() }, 48 << 10},
		// A frame that has begun gets a buffer of 16 KiB, whatever it claims.
		"claimed the most": {func(p *peer) { _, _ = p.Write(claim(protocol.DefaultFrameLimit)) }, 48 << 10},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			before, stacks := heap(), stackBytes()
			peers := make([]*peer, each)
			for i := range peers {
				peers[i] = &peer{Conn: w.dialNet(t), t: t}
				peers[i].frames = protocol.NewReader(peers[i].Conn, protocol.Limits{})
				kind.begin(peers[i])
			}
			eventually(t, "all are connected", func() bool { return w.Stats().Conns == each })
			for range 10 {
				w.mustWork(t)
			}
			if now, was := heap()+stackBytes(), before+stacks; now > was+each*kind.cost {
				t.Errorf("each costs %d KiB, want %d at most", (now-was)/each>>10, kind.cost>>10)
			}
			for _, p := range peers {
				p.Close()
			}
			w.settle()
		})
	}
	w.intact(t)
}

func stackBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}

// A client that calls and never reads is held back, costs a bounded amount of memory,
// and is cut when it does not take its answers in time.
func TestPeersThatNeverRead(t *testing.T) {
	const timeout = 500 * time.Millisecond
	huge := strings.Repeat("x", 16<<10)
	for name, c := range map[string]struct {
		conns int
		m     *protocol.Message
		reply int // its length
	}{
		"small calls":               {1, request("Arith", "Mul", `{"A":6,"B":7}`), 64},
		"small calls, four of them": {4, request("Arith", "Mul", `{"A":6,"B":7}`), 64},
		"large answers":             {4, request("S", "large", `{}`), len(huge)},
		"errors":                    {4, request("S", "long error", `{}`), len(huge)},
		"errors about names":        {4, request(huge[:1024], huge[:1024], `{}`), 4 << 10},
		"heartbeats":                {4, &protocol.Message{Header: protocol.Header{Heartbeat: true}, Payload: make([]byte, 4000)}, 4000},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTarget(t, server.WithLimits(server.Limits{WriteTimeout: timeout}))
			if err := server.Handle(w.Server, "S", "large", func(_ context.Context, _ *Args, reply *string) error {
				*reply = huge
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			w.handle("long error", func(context.Context, *Args, *Reply) error { return errors.New(huge) })
			w.settle()
			batch := bytes.Repeat(encode(t, c.m), max(1, (32<<10)/len(encode(t, c.m))))
			var peers []net.Conn
			var writers sync.WaitGroup
			for range c.conns {
				nc := w.dialNet(t)
				_ = nc.(*net.TCPConn).SetReadBuffer(4 << 10) // or the kernel takes megabytes
				peers = append(peers, nc)
				writers.Go(func() {
					for err := error(nil); err == nil; {
						_, err = nc.Write(batch)
					}
				})
			}
			eventually(t, "all are connected", func() bool { return len(w.Conns()) == c.conns })
			conns := w.Conns()
			for _, conn := range conns {
				_ = conn.NetConn().(*net.TCPConn).SetWriteBuffer(4 << 10)
			}
			var most uint64
			eventually(t, "all are cut", func() bool {
				// What is garbage already is counted as well: the least of some counts has little.
				most = max(most, min(heap(), heap(), heap()))
				w.mustWork(t)
				for _, conn := range conns {
					select {
					case <-conn.Done():
					default:
						return false
					}
				}
				return true
			})
			for _, nc := range peers {
				nc.Close()
			}
			writers.Wait()
			// As many replies as handlers may wait to be sent, in buffers that have grown. What
			// has become garbage meanwhile is counted as well.
			if bound := 32<<20 + uint64(c.conns*(6*256*c.reply+3<<20)); most > w.heap+bound {
				t.Errorf("the heap grew to %d MiB, from %d, want %d more at most", most>>20, w.heap>>20, bound>>20)
			}
			w.intact(t)
		})
	}
}

// The defaults of what the tests above set: a peer that takes nothing of its answers
// has ten seconds.
func TestDefaultWriteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		if err := server.Handle(w.Server, "S", "large", func(_ context.Context, _ *Args, reply *string) error {
			*reply = strings.Repeat("x", 1<<20)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p := w.dial(t)
		p.send(request("S", "large", `{}`))
		conn := w.onlyConn()
		began := time.Now()
		<-conn.Done()
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("cut after %v, want the default of 10s", took)
		}
	})
}

// Connections that come and go at speed leave nothing behind.
func TestConnectionChurn(t *testing.T) {
	w := newTarget(t)
	frame := encode(t, request("S", "count", `{}`))
	for name, c := range map[string]struct {
		send  []byte
		reset bool
	}{
		"nothing":               {nil, false},
		"magic":                 {frame[:1], false},
		"reset at once":         {nil, true},
		"reset within a frame":  {frame[:20], true},
		"reset behind a frame":  {frame, true},
		"refused for its token": {encode(t, with(request("S", "count", `{}`), "__AUTH", "wrong")), false},
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 60 {
						nc, err := net.Dial("tcp", w.addr)
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = nc.Write(c.send)
						if c.reset {
							_ = nc.(*net.TCPConn).SetLinger(0)
						}
						nc.Close()
					}
				})
			}
			all.Wait()
			w.settle()
		})
	}
	w.intact(t)
}

// A frame of 600 MiB is refused by its length, not taken.
func TestHonestGiantFrame(t *testing.T) {
	w := newTarget(t)
	nc := w.dialNet(t)
	sent := 0
	_ = nc.SetWriteDeadline(time.Now().Add(patience))
	_, err := nc.Write(claim(600 << 20))
	for chunk := make([]byte, 1<<20); err == nil && sent < 600<<20; sent += len(chunk) {
		_, err = nc.Write(chunk)
	}
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%d MiB were taken, %v", sent>>20, err)
	}
	if sent > 32<<20 {
		t.Errorf("%d MiB were taken before it was refused", sent>>20)
	}
	nc.Close()
	w.intact(t)
}

// A hundred thousand heartbeats are all answered, by one goroutine.
func TestHeartbeatFlood(t *testing.T) {
	w := newTarget(t)
	const beats = 100_000
	p := w.dial(t)
	batch := bytes.Repeat(encode(t, &protocol.Message{Header: protocol.Header{Heartbeat: true}, Payload: []byte("12345678")}), 1000)
	go func() {
		for range beats / 1000 {
			if _, err := p.Write(batch); err != nil {
				t.Error(err)
			}
		}
	}()
	_ = p.SetReadDeadline(time.Now().Add(3 * patience))
	for i := range beats {
		if f, err := p.frames.Next(); err != nil || !f.Heartbeat {
			t.Fatalf("beat %d: %v", i, err)
		}
	}
	if n := runtime.NumGoroutine(); n > w.goroutines+4 {
		t.Errorf("%d goroutines, %d before", n, w.goroutines)
	}
	p.Close()
	w.intact(t)
}
