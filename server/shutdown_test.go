// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
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
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// shutdown starts a Shutdown and returns where its result arrives.
func (w *world) shutdown(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.Shutdown(ctx) }()
	return done
}

// Fifty callers, two servers, one of which is shut down: no call fails, none is
// executed twice, and Shutdown is done soon after the longest handler.
func TestShutdownLosesNoCall(t *testing.T) {
	t.Parallel()
	for name, network := range map[string]string{"plain": "tcp", "tls": "tls"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opts []server.Option
			opt := client.Option{Logger: slog.New(slog.DiscardHandler), ConnectTimeout: patience}
			if network == "tls" {
				ca := transporttest.NewCA(t)
				opts = append(opts, server.WithTLSConfig(ca.Server()))
				opt.TLSConfig = ca.Client()
			}
			var executions sync.Map // call id -> *atomic.Int64
			serve := func() *world {
				w := onTCP(t, opts...)
				count := func(id int) {
					n, _ := executions.LoadOrStore(id, new(atomic.Int64))
					n.(*atomic.Int64).Add(1)
				}
				w.handle("quick", func(_ context.Context, args *Args, reply *Reply) error {
					count(args.A)
					reply.C = args.A
					return nil
				})
				w.handle("slow", func(ctx context.Context, args *Args, reply *Reply) error {
					count(args.A)
					timer := time.NewTimer(5 * time.Millisecond)
					defer timer.Stop()
					select {
					case <-timer.C:
						reply.C = args.A
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				return w
			}
			a, b := serve(), serve()
			d := client.NewMultipleServersDiscovery([]*client.KVPair{{Key: "tcp@" + a.addr}, {Key: "tcp@" + b.addr}})
			x := client.NewXClient("S", client.Failfast, client.RoundRobin, d, opt)
			defer x.Close()

			const callers = 50
			var made, failed atomic.Int64
			stop := make(chan struct{})
			var all sync.WaitGroup
			for n := range callers {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						id := int(made.Add(1))
						method := "quick"
						if n%2 == 0 {
							method = "slow"
						}
						reply := new(Reply)
						if err := x.Call(context.Background(), method, &Args{A: id}, reply); err != nil || reply.C != id {
							if failed.Add(1) < 10 {
								t.Errorf("call %d: %v", id, err)
							}
						}
					}
				})
			}
			eventually(t, "both are busy", func() bool { return made.Load() > 2000 })
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
			defer cancel()
			if err := a.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			took := time.Since(began)
			at := made.Load()
			eventually(t, "the other one goes on", func() bool { return made.Load() > at+500 })
			close(stop)
			all.Wait()
			if n := failed.Load(); n > 0 {
				t.Errorf("%d of %d calls failed", n, made.Load())
			}
			twice := 0
			executions.Range(func(_, n any) bool {
				if n.(*atomic.Int64).Load() != 1 {
					twice++
				}
				return true
			})
			if twice > 0 {
				t.Errorf("%d calls were executed twice", twice)
			}
			if took > patience {
				t.Errorf("Shutdown took %v", took)
			}
		})
	}
}

// A classic client gets answers for as long as it asks, then the end of the stream.
// What it sends afterwards is not executed.
func TestShutdownOfAClassicClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		var ran atomic.Int64
		w.handle("count", func(context.Context, *Args, *Reply) error {
			ran.Add(1)
			return nil
		})
		p := w.dial(t)
		p.silent()
		done := w.shutdown(t.Context())
		synctest.Wait()
		for i := range uint64(100) { // ten seconds of calls, each answered
			time.Sleep(100 * time.Millisecond)
			if got := p.call(numbered(i, request("Arith", "Mul", `{"A":6,"B":7}`))); string(got.Payload) != `{"C":42}` {
				t.Fatalf("call %d is answered with %s %v", i, got.Payload, got.Metadata.Map())
			}
		}
		quiet := time.Now()
		if m, err := p.next(); !errors.Is(err, io.EOF) {
			t.Errorf("received %v, %v, want the end of the stream", m, err)
		}
		if took := time.Since(quiet); took < 190*time.Millisecond || took > 250*time.Millisecond {
			t.Errorf("the stream ended after %v of silence, want some 200ms", took)
		}
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned %v while the client's side is open", err)
		default:
		}
		p.send(request("S", "count", `{}`), oneway(request("S", "count", `{}`)), &protocol.Message{Header: protocol.Header{Heartbeat: true}})
		synctest.Wait()
		if n := ran.Load(); n != 0 {
			t.Errorf("%d calls ran after the stream had ended", n)
		}
		p.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(quiet); took > time.Second {
			t.Errorf("Shutdown took %v after the last call", took)
		}
	})
}

// One that does not leave is cut after a second.
func TestShutdownOfADeafClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		w.dial(t)
		began := time.Now()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Second || took > 1300*time.Millisecond {
			t.Errorf("Shutdown took %v", took)
		}
	})
}

// A client that understands it is told at once to open no new calls; those that are
// on their way are answered.
func TestShutdownOfACapableClient(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"greeted before": false, "greets now": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t).arith()
				p := w.dial(t)
				if !late {
					p.hello()
				}
				began := time.Now()
				done := w.shutdown(t.Context())
				if late {
					time.Sleep(50 * time.Millisecond)
					p.hello()
				}
				m := p.receive()
				if !m.IsPush() || m.Service != "_rpcx" || m.Method != "drain" || m.Seq != 0 || len(m.Payload) != 0 || !m.Metadata.IsZero() {
					t.Errorf("received %+v, want a notice", m)
				}
				if took := time.Since(began); took > 70*time.Millisecond {
					t.Errorf("the notice took %v", took)
				}
				for range 3 { // calls that were on their way, however slow that is
					time.Sleep(time.Second)
					if got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`)); string(got.Payload) != `{"C":42}` {
						t.Errorf("answered with %s", got.Payload)
					}
				}
				p.Close()
				if err := <-done; err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}

// Our client's idle connections leave by themselves, at once.
func TestShutdownWithIdleClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		for range 10 {
			if _, err := w.conn(t, client.DefaultOption).Heartbeat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("Shutdown took %v", took)
		}
	})
}

// Handlers that run are waited for, and their replies arrive.
func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		c := w.conn(t, client.DefaultOption)
		p.send(request("S", "block", `{"A":6,"B":7}`))
		call := c.Go(t.Context(), "S", "block", &Args{6, 7}, new(Reply), nil)
		<-b.began
		<-b.began
		done := w.shutdown(t.Context())
		time.Sleep(20 * time.Second)
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned %v while handlers run", err)
		default:
		}
		close(b.release)
		if got := p.receive(); string(got.Payload) != `{"C":42}` {
			t.Errorf("answered with %s %v", got.Payload, got.Metadata.Map())
		}
		if <-call.Done; call.Error != nil || call.Reply.(*Reply).C != 42 {
			t.Errorf("our client got %+v, %v", call.Reply, call.Error)
		}
		p.closed()
		p.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// When the time is up the handlers' contexts end, and the connections are closed a moment later.
func TestShutdownRunsOutOfTime(t *testing.T) {
	t.Parallel()
	ended, cancelEnded := context.WithCancel(context.Background())
	cancelEnded()
	for name, c := range map[string]struct {
		ctx     context.Context
		timeout time.Duration
		want    error
	}{
		"deadline":       {context.Background(), 5 * time.Second, context.DeadlineExceeded},
		"none, so 30 s":  {context.Background(), 0, context.DeadlineExceeded},
		"ended before":   {ended, 0, context.Canceled},
		"ended, as well": {ended, time.Minute, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t)
				b := newBlocker()
				w.handle("block", b.handle)
				deaf, began := make(chan struct{}), make(chan struct{})
				w.handle("deaf", func(context.Context, *Args, *Reply) error {
					close(began)
					<-deaf
					return nil
				})
				p := w.dial(t)
				p.send(request("S", "block", `{}`))
				<-b.began
				p.send(request("S", "deaf", `{}`))
				<-began
				ctx, since := c.ctx, time.Now()
				want := 30 * time.Second
				if c.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.timeout)
					defer cancel()
					want = c.timeout
				}
				if c.ctx.Err() != nil {
					want = 0
				}
				if err := w.Shutdown(ctx); !errors.Is(err, c.want) {
					t.Errorf("Shutdown returned %v, want %v", err, c.want)
				}
				if took := time.Since(since); took < want || took > want+grace {
					t.Errorf("Shutdown took %v, want %v", took, want)
				}
				if err := <-b.ended; !errors.Is(err, context.Canceled) {
					t.Errorf("the handler ended with %v", err)
				}
				if m := p.receive(); m.Method != "block" || m.Status != protocol.Error {
					t.Errorf("received %+v, want the error of the handler that stopped", m)
				}
				p.drained()
				close(deaf)
			})
		})
	}
}

// A frame that takes long to arrive is answered: the connection is not quiet.
func TestShutdownDuringAnUpload(t *testing.T) {
	t.Parallel()
	for name, capable := range map[string]bool{"classic": false, "capable": true} {
		t.Run(name, func(t *testing.T) {
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
				if capable {
					p.hello()
				}
				const size, parts = 1 << 20, 50
				frame := encode(t, numbered(7, request("S", "len", `"`+strings.Repeat("x", size)+`"`)))
				var done <-chan error
				for i := range parts {
					if _, err := p.Write(frame[len(frame)*i/parts : len(frame)*(i+1)/parts]); err != nil {
						t.Fatalf("part %d: %v", i, err)
					}
					if i == parts/4 {
						done = w.shutdown(t.Context())
					}
					time.Sleep(150 * time.Millisecond)
				}
				got := p.receive()
				if got.IsPush() {
					got = p.receive()
				}
				if string(got.Payload) != fmt.Sprint(size) {
					t.Errorf("answered with %s %v", got.Payload, got.Metadata.Map())
				}
				p.closed()
				p.Close()
				if err := <-done; err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}

// A client that stops reading cannot keep a shutdown from ending.
func TestShutdownWithAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{WriteTimeout: 3 * time.Second}))
		if err := server.Handle(w.Server, "S", "big", func(_ context.Context, _ *Args, reply *string) error {
			*reply = strings.Repeat("x", 1<<20)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p := w.dial(t)
		p.send(request("S", "big", `{}`), request("S", "big", `{}`), request("S", "big", `{}`))
		synctest.Wait()
		began := time.Now()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("Shutdown took %v", took)
		}
	})
}

// A connection whose TLS handshake has not even begun does not hold it up either.
func TestShutdownDuringAHandshake(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	w := onTCP(t, server.WithTLSConfig(ca.Server()))
	w.dialNet(t)
	eventually(t, "it is accepted", func() bool { return w.Stats().Conns == 1 })
	began := time.Now()
	if err := w.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Shutdown took %v", took)
	}
}

func TestShutdownOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := server.NewServer()
		began := time.Now()
		for range 3 { // again and again
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		began := time.Now()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 20*time.Millisecond {
			t.Errorf("without a connection it took %v", took)
		}
	})
}

// Several at once, and a Close among them: all return, and soon.
func TestShutdownManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		b := newBlocker()
		w.handle("block", b.handle)
		p := w.dial(t)
		p.send(request("S", "block", `{}`))
		<-b.began
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { _ = w.Shutdown(t.Context()) })
		}
		time.Sleep(time.Second)
		all.Go(func() {
			if err := w.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		began := time.Now()
		all.Wait()
		if took := time.Since(began); took > twoTicks {
			t.Errorf("they took %v after Close", took)
		}
		if err := <-b.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler ended with %v", err)
		}
	})
}

func TestCloseIsImmediate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		p, idle := w.dial(t), w.dial(t)
		p.send(request("S", "block", `{}`))
		<-b.began
		began := time.Now()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > twoTicks {
			t.Errorf("Close took %v", took)
		}
		if err := <-b.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler ended with %v", err)
		}
		p.closed()
		idle.closed()
		if err := w.Close(); err != nil {
			t.Errorf("the second Close: %v", err)
		}
	})
}

func TestServeAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*server.Server) error{
		"Shutdown": func(s *server.Server) error { return s.Shutdown(context.Background()) },
		"Close":    (*server.Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t).arith()
			if err := end(w.Server); err != nil {
				t.Fatal(err)
			}
			if err := w.Serve("tcp", "127.0.0.1:0"); !errors.Is(err, server.ErrServerClosed) {
				t.Errorf("Serve returned %v", err)
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if err := w.ServeListener("tcp", ln); !errors.Is(err, server.ErrServerClosed) {
				t.Errorf("ServeListener returned %v", err)
			}
			if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the listener is open: %v", err)
			}
			var d net.Dialer
			if nc, err := d.DialContext(t.Context(), "tcp", w.addr); err == nil {
				nc.Close()
				t.Error("it still listens")
			}
		})
	}
}

// lateListener accepts nothing until the server stops to listen. Then it takes what
// has queued up, as the kernel does.
type lateListener struct {
	*net.TCPListener
	wanted int // connections
	asked  chan struct{}
	once   sync.Once
}

func (l *lateListener) SetDeadline(time.Time) error {
	l.once.Do(func() { close(l.asked) })
	return nil
}

func (l *lateListener) Accept() (net.Conn, error) {
	<-l.asked
	if l.wanted == 0 {
		return nil, os.ErrDeadlineExceeded
	}
	l.wanted--
	return l.TCPListener.Accept()
}

// lateTransport listens so.
type lateTransport struct{ wanted int }

func (lateTransport) Networks() []string { return []string{"late"} }

func (lateTransport) Dial(context.Context, string, string, transport.Settings) (net.Conn, error) {
	return nil, errors.New("not this way")
}

func (lt lateTransport) Listen(ctx context.Context, _, addr string, s transport.Settings) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return s.ServerTLS(&lateListener{TCPListener: ln.(*net.TCPListener), wanted: lt.wanted, asked: make(chan struct{})})
}

// Connections that wait in the queue of the listener are served, with the calls that
// they carry.
func TestShutdownServesTheAcceptQueue(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const waiting = 5
			ca := transporttest.NewCA(t)
			opts := []server.Option{server.WithTransport(lateTransport{waiting})}
			opt := client.Option{Logger: slog.New(slog.DiscardHandler), ConnectTimeout: patience}
			if secure {
				opts = append(opts, server.WithTLSConfig(ca.Server()))
				opt.TLSConfig = ca.Client()
			}
			w := start(t, &world{network: "late", addr: "127.0.0.1:0"}, opts).arith()
			var all sync.WaitGroup
			dialled := make(chan struct{}, waiting)
			for range waiting {
				all.Go(func() {
					var d net.Dialer
					nc, err := d.DialContext(t.Context(), "tcp", w.addr)
					dialled <- struct{}{}
					if err != nil {
						t.Error(err)
						return
					}
					defer nc.Close()
					s := transport.Settings{TLS: opt.TLSConfig}
					if nc, err = s.ClientTLS(t.Context(), nc, "localhost"); err != nil {
						t.Error(err)
						return
					}
					p := newPeer(t, nc)
					if _, err := p.Write(encode(t, request("Arith", "Mul", `{"A":6,"B":7}`))); err != nil {
						t.Error(err)
					}
					if got, err := p.next(); err != nil || string(got.Payload) != `{"C":42}` {
						t.Errorf("answered with %v, %v", got, err)
					}
				})
			}
			for range waiting {
				<-dialled
			}
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			all.Wait()
		})
	}
}

// Our client is told in time: a call that it makes after the notice goes elsewhere.
func TestDrainMovesCallsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t).arith()
		b := newBlocker()
		w.handle("block", b.handle)
		c := w.conn(t, client.DefaultOption)
		call := c.Go(t.Context(), "S", "block", &Args{6, 7}, new(Reply), nil)
		<-b.began
		done := w.shutdown(t.Context())
		time.Sleep(time.Second)
		err := c.Call(t.Context(), "Arith", "Mul", &Args{}, &Reply{})
		if rpcx.CodeOf(err) != rpcx.Unavailable || !rpcx.SafeToRetry(err) {
			t.Errorf("a new call on a draining connection: %v", err)
		}
		close(b.release)
		if <-call.Done; call.Error != nil {
			t.Errorf("the call that ran: %v", call.Error)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}
