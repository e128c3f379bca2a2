// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
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
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// The tests of this file show that defects which were reproduced in rpcx v1.9.4 are
// not in this server, each under the number that it was given there. R14 is in
// publish_test.go.

// R5: a graceful shutdown is graceful. Frames that come after it began are answered,
// and the stream is ended in order, not reset.
func TestR5_ShutdownAnswersEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, shutdownAnswersEverything)
}

func shutdownAnswersEverything(t *testing.T) {
	w := inMemory(t).arith()
	const callers = 50
	var all sync.WaitGroup
	began := make(chan struct{})
	var answered atomic.Int64
	for range callers {
		p := w.dial(t)
		p.silent()
		all.Go(func() {
			<-began
			for i := range uint64(50) { // a classic client that goes on as if nothing were
				if _, err := p.Write(encode(t, numbered(i, request("Arith", "Mul", `{"A":6,"B":7}`)))); err != nil {
					t.Errorf("call %d cannot be sent: %v", i, err)
					return
				}
				if got, err := p.next(); err != nil || string(got.Payload) != `{"C":42}` {
					t.Errorf("call %d: %v", i, err)
					return
				}
				answered.Add(1)
			}
			if _, err := p.next(); !errors.Is(err, io.EOF) {
				t.Errorf("the stream ended with %v, want io.EOF", err)
			}
			p.Close()
		})
	}
	done := w.shutdown(t.Context())
	close(began)
	all.Wait()
	if err := wait(t, "Shutdown", done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := answered.Load(); n != callers*50 {
		t.Errorf("%d of %d calls were answered", n, callers*50)
	}
}

// R6: handlers see real TCP and TLS connections, so that options and identities work.
// defects_linux_test.go looks at the options.
func TestR6_ConnectionsAreNotWrapped(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	for name, secure := range map[string]bool{"tcp": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opts []server.Option
			opt := client.DefaultOption
			if secure {
				opts = append(opts, server.WithTLSConfig(ca.MutualServer()))
				opt.TLSConfig = ca.MutualClient()
			}
			w := onTCP(t, opts...)
			w.handle("look", func(ctx context.Context, _ *Args, _ *Reply) error {
				peer, _ := rpcx.PeerFrom(ctx)
				switch nc := server.ConnFrom(ctx).NetConn().(type) {
				case *net.TCPConn:
					if secure {
						return errors.New("a TCP connection under TLS")
					}
					return nc.SetLinger(1)
				case *tls.Conn:
					if _, ok := nc.NetConn().(*net.TCPConn); !ok {
						return errors.New("no TCP connection below")
					}
					if peer.TLS.PeerCertificates[0].Subject.CommonName != "test client" {
						return errors.New("no identity")
					}
					return nil
				default:
					return rpcx.Errorf(rpcx.Internal, "a %T", nc)
				}
			})
			if err := w.client(t, "S", opt).Call(t.Context(), "look", &Args{}, &Reply{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// allocated returns how many bytes f made the process allocate, also those that were
// freed again. Tests that use it do not run in parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// claim is a header that announces so many bytes, and nothing of them.
func claim(total uint32) []byte {
	b := make([]byte, protocol.HeaderSize)
	b[0] = protocol.Magic
	binary.BigEndian.PutUint32(b[12:], total)
	return b
}

// R16: sixteen bytes from anyone allocate next to nothing, whether they claim more than
// the limit or just that.
func TestR16_ClaimsAllocateNothing(t *testing.T) {
	w := onTCP(t).arith()
	w.mustWork(t)
	eventually(t, "nobody is connected", func() bool { return w.Stats().Conns == 0 })
	const conns = 32
	for name, total := range map[string]uint32{"1 GiB": 1 << 30, "4 GiB": 1<<32 - 1, "the limit": protocol.DefaultFrameLimit} {
		var held []net.Conn
		got := allocated(func() {
			for range conns {
				nc := w.dialNet(t)
				held = append(held, nc)
				if _, err := nc.Write(claim(total)); err != nil {
					t.Fatal(err)
				}
				if total > protocol.DefaultFrameLimit {
					newPeer(t, nc).closed()
				}
			}
			eventually(t, "the server has seen it", func() bool {
				n := w.Stats().Conns
				return total > protocol.DefaultFrameLimit && n == 0 || total <= protocol.DefaultFrameLimit && n == conns
			})
			w.mustWork(t)
		})
		for _, nc := range held {
			nc.Close()
		}
		eventually(t, "they are gone", func() bool { return w.Stats().Conns == 0 })
		if most := uint64(conns * (256 << 10)); got > most {
			t.Errorf("%s: %d connections made the process allocate %d KiB, want %d at most", name, conns, got>>10, most>>10)
		}
	}
}

// R17: a frame that is malformed is no request, and ends its connection.
func TestR17_MalformedFramesAreNotExecuted(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	var ran atomic.Int64
	w.handle("count", func(context.Context, *Args, *Reply) error {
		ran.Add(1)
		return nil
	})
	good := encode(t, request("S", "count", `{}`))
	total := binary.BigEndian.Uint32(good[12:])
	cases := map[string]func(b []byte) []byte{
		"total too small": func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[12:], 15)
			return b
		},
		"total one short": func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[12:], total-1)
			return b
		},
		"service past the end": func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[16:], total)
			return b
		},
		"payload one short": func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[len(b)-6:], 1)
			return b
		},
		"payload one long": func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[len(b)-6:], 3)
			return b
		},
	}
	for name, spoil := range cases {
		before := w.Stats().Malformed
		p := w.dial(t)
		if _, err := p.Write(append(spoil(append([]byte(nil), good...)), good...)); err != nil {
			t.Fatal(err)
		}
		p.drained()
		eventually(t, name+" is counted", func() bool { return w.Stats().Malformed == before+1 })
	}
	if n := ran.Load(); n != 0 {
		t.Errorf("%d malformed frames were executed", n)
	}
}

// R18: cancellation reaches the handler, and so does the end of its connection.
func TestR18_HandlersLearnThatNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		b := newBlocker()
		w.handle("block", b.handle)
		c := w.conn(t, client.DefaultOption)
		if _, err := c.Heartbeat(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, leave := range map[string]func(cancel func()){
			"cancel":     func(cancel func()) { cancel() },
			"disconnect": func(func()) { c.Close() },
		} {
			if c.Err() != nil {
				c = w.conn(t, client.DefaultOption)
				if _, err := c.Heartbeat(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			call := c.Go(ctx, "S", "block", &Args{}, &Reply{}, nil)
			<-b.began
			began := time.Now()
			leave(cancel)
			if err := <-b.ended; !errors.Is(err, context.Canceled) || time.Since(began) > twoTicks {
				t.Errorf("%s: the handler ended with %v after %v", name, err, time.Since(began))
			}
			<-call.Done
			cancel()
		}
	})
}

// R21: what refuses a request is obeyed.
func TestR21_RefusedRequestsDoNotRun(t *testing.T) {
	t.Parallel()
	refuse := unary(func(_ context.Context, _ *rpcx.Call, _ rpcx.UnaryFunc) error {
		return rpcx.Errorf(rpcx.PermissionDenied, "refused").NotExecuted()
	})
	for name, opt := range map[string]server.Option{
		"interceptor": server.WithInterceptor(refuse),
		"auth": server.WithAuth(func(context.Context, string, string, string) error {
			return rpcx.Errorf(rpcx.PermissionDenied, "refused")
		}),
	} {
		w := inMemory(t, opt)
		w.handle("never", func(context.Context, *Args, *Reply) error {
			t.Errorf("%s: the call ran", name)
			return nil
		})
		err := w.client(t, "S", client.DefaultOption).Call(t.Context(), "never", &Args{}, &Reply{})
		if !errors.Is(err, rpcx.PermissionDenied) || err.Error() != "refused" || !rpcx.SafeToRetry(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// R22: who is to be told of the end is told, before Shutdown returns: the registry,
// the observer of connections, whoever waits for a connection, and Serve's caller.
func TestR22_TheEndIsTold(t *testing.T) {
	t.Parallel()
	r, b := newRecorder(), newBook()
	s := server.NewServer(server.WithObserver(r), server.WithRegistrar(b, "", 0), server.WithLogger(slog.New(slog.DiscardHandler)))
	if err := s.Register(Arith{}, ""); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	<-s.Started()
	eventually(t, "it is registered", func() bool { return b.now() != "" })
	nc, err := net.Dial("tcp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	newPeer(t, nc).silent()
	conn := s.Conns()[0]
	go func() {
		drainAll(nc)
		nc.Close()
	}()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.events(); got != "+ Arith - Arith" {
		t.Errorf("the registry was told %q", got)
	}
	if opened, closed := r.conns(); opened != 1 || len(closed) != 1 {
		t.Errorf("the observer was told of %d connections that opened and %d that closed", opened, len(closed))
	}
	select {
	case <-conn.Done():
	default:
		t.Error("the connection does not know that it is gone")
	}
	if err := wait(t, "Serve", served); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
}

// R23: of a panic the caller learns that there was one. Text, stack and arguments stay
// in the log.
func TestR23_PanicsTellNothing(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	w := inMemory(t, server.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	w.handle("panic", func(_ context.Context, args *Args, _ *Reply) error {
		panic("password of the database")
	})
	got := w.dial(t).call(request("S", "panic", `{"A":31337}`))
	var all strings.Builder
	all.Write(encode(t, got))
	for _, secret := range []string{"password", "goroutine", ".go:", "31337", "runtime"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("the answer contains %q: %v", secret, got.Metadata.Map())
		}
	}
	if errorText(got) != "[service internal error]: panic, method: panic" {
		t.Errorf("answered with %v", got.Metadata.Map())
	}
	for _, want := range []string{"password of the database", "defects_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// R28: one caller's failed authentication does not break the calls of others on the
// same connection.
func TestR28_FailedAuthConcernsItsCallAlone(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "good" {
			return errors.New("invalid token")
		}
		return nil
	}))
	b := newBlocker()
	w.handle("block", b.handle)
	p := w.dial(t)
	p.send(numbered(7, with(request("S", "block", `{"A":6,"B":7}`), "__AUTH", "good")))
	wait(t, "the handler", b.began)
	for range 10 {
		if got := p.call(with(request("S", "block", `{}`), "__AUTH", "bad")); errorText(got) != "invalid token" {
			t.Errorf("answered with %v", got.Metadata.Map())
		}
		p.send(oneway(with(request("S", "block", `{}`), "__AUTH", "bad")))
	}
	close(b.release)
	if got := p.receive(); got.Seq != 7 || string(got.Payload) != `{"C":42}` {
		t.Errorf("the good call is answered with %s %v", got.Payload, got.Metadata.Map())
	}
	if got := p.call(with(request("S", "block", `{"A":2,"B":3}`), "__AUTH", "good")); string(got.Payload) != `{"C":6}` {
		t.Errorf("the next good call is answered with %s %v", got.Payload, got.Metadata.Map())
	}
}

// R29: an error of an interceptor, such as a limiter whose store is down, is answered
// and costs nobody the connection.
func TestR29_InterceptorErrorsKeepTheConnection(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	w := inMemory(t, server.WithInterceptor(unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		if calls.Add(1)%2 == 0 {
			return errors.New("redis: connection refused")
		}
		return next(ctx, c)
	}))).arith()
	p := w.dial(t)
	for i := range 10 {
		got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`))
		if i%2 == 0 && string(got.Payload) != `{"C":42}` || i%2 == 1 && errorText(got) != "redis: connection refused" {
			t.Errorf("call %d is answered with %s %v", i, got.Payload, got.Metadata.Map())
		}
	}
}

// R31: heartbeats run nobody's code, so nothing in it can end the process or the
// connection. R30 with it: they are not counted against a limiter.
func TestR31_HeartbeatsRunNoUserCode(t *testing.T) {
	t.Parallel()
	explode := unary(func(context.Context, *rpcx.Call, rpcx.UnaryFunc) error { panic("interceptor") })
	w := inMemory(t,
		server.WithInterceptor(explode),
		server.WithAuth(func(context.Context, string, string, string) error { panic("auth") }),
		server.WithObserver(badObserver{"CallStart"}),
		server.WithCodec(panickyCodec{})).arith()
	p := w.dial(t)
	for range 100 {
		m := &protocol.Message{Header: protocol.Header{Heartbeat: true, Serialize: 9}, Service: "Arith", Method: "Mul", Payload: []byte("{}")}
		if got := p.call(m); !got.Heartbeat || got.Status != protocol.Normal {
			t.Errorf("answered with %+v", got)
		}
	}
	if n := w.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	if got := p.call(request("Arith", "Mul", `{}`)); errorCode(got) != "13" { // all of that for a call
		t.Errorf("answered with %v", got.Metadata.Map())
	}
}
