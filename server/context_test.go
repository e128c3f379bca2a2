// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

type baseKey struct{}

// What a handler learns from its context.
func TestContextValues(t *testing.T) {
	t.Parallel()
	base, cancelBase := context.WithCancel(context.WithValue(context.Background(), baseKey{}, "base"))
	w := onTCP(t, server.WithBaseContext(base))
	cancelBase() // does not end handlers
	w.handle("values", func(ctx context.Context, _ *Args, _ *Reply) error {
		peer, ok := rpcx.PeerFrom(ctx)
		conn := server.ConnFrom(ctx)
		switch {
		case ctx.Value(baseKey{}) != "base":
			return errors.New("the base context's value is lost")
		case ctx.Value("no such key") != nil: //nolint:staticcheck // any key
			return errors.New("a value nobody set")
		case ctx.Err() != nil:
			return ctx.Err()
		case !ok || peer.Network != "tcp" || peer.TLS != nil:
			return rpcx.Errorf(rpcx.Internal, "peer is %+v", peer)
		case conn == nil || conn.Peer() != peer:
			return errors.New("the connection is not that of the call")
		}
		if _, has := ctx.Deadline(); has {
			return errors.New("there is a deadline that nobody set")
		}
		if _, ok := conn.NetConn().(*net.TCPConn); !ok {
			return rpcx.Errorf(rpcx.Internal, "the connection below is a %T", conn.NetConn())
		}
		// The same from a context that is derived from it.
		derived, cancel := context.WithTimeout(context.WithValue(ctx, baseKey{}, "other"), time.Hour)
		defer cancel()
		if p, _ := rpcx.PeerFrom(derived); p != peer || server.ConnFrom(derived) != conn || rpcx.IncomingMetadata(derived).Get("k") != "v" {
			return errors.New("a derived context has lost the call")
		}
		return rpcx.SetReplyMetadata(derived, "peer", peer.Addr.String()+" "+peer.Local.String())
	})
	p := w.dial(t)
	got := p.call(with(request("S", "values", `{}`), "k", "v"))
	if errorText(got) != "" || got.Metadata.Get("peer") != p.LocalAddr().String()+" "+p.RemoteAddr().String() {
		t.Errorf("answered with %v", got.Metadata.Map())
	}
}

func TestContextOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	if server.ConnFrom(t.Context()) != nil {
		t.Error("there is a connection outside of a handler")
	}
	if _, ok := rpcx.PeerFrom(t.Context()); ok {
		t.Error("there is a peer outside of a handler")
	}
	if md := rpcx.IncomingMetadata(t.Context()); !md.IsZero() {
		t.Errorf("there is metadata outside of a handler: %v", md.Map())
	}
}

// A nil base context is passed over.
func TestNilBaseContext(t *testing.T) {
	t.Parallel()
	w := inMemory(t, server.WithBaseContext(nil)).arith() //nolint:staticcheck // the point
	w.mustWork(t)
}

// With mutual TLS a handler, an AuthFunc and the observer see the client's certificate.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	subject := func(p rpcx.Peer) string {
		if p.TLS == nil || len(p.TLS.PeerCertificates) == 0 {
			return "nobody"
		}
		return p.TLS.PeerCertificates[0].Subject.CommonName
	}
	r := newRecorder()
	w := onTCP(t, server.WithTLSConfig(ca.MutualServer()), server.WithObserver(r),
		server.WithAuth(func(ctx context.Context, _, _, _ string) error {
			if p, _ := rpcx.PeerFrom(ctx); subject(p) != "test client" {
				return errors.New("who are you")
			}
			return nil
		}))
	w.handle("who", func(ctx context.Context, _ *Args, _ *Reply) error {
		p, _ := rpcx.PeerFrom(ctx)
		if _, ok := server.ConnFrom(ctx).NetConn().(*tls.Conn); !ok {
			return errors.New("the connection below is no *tls.Conn")
		}
		return rpcx.SetReplyMetadata(ctx, "subject", subject(p))
	})
	x := w.client(t, "S", client.Option{TLSConfig: ca.MutualClient()})
	var md rpcx.Metadata
	if err := x.Call(t.Context(), "who", &Args{}, &Reply{}, client.WithTrailer(&md)); err != nil || md.Get("subject") != "test client" {
		t.Errorf("the handler sees %q, %v", md.Get("subject"), err)
	}
	eventually(t, "the observer sees the certificate", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.opened) == 1 && subject(r.opened[0].Peer) == "test client"
	})
	strangers := w.client(t, "S", client.Option{TLSConfig: ca.Client()})
	if err := strangers.Call(t.Context(), "who", &Args{}, &Reply{}); err == nil {
		t.Error("a client without a certificate is served")
	}
}

// How a handler's context ends, and that all which hangs on it learns of that.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		with string // __ServerTimeout
		end  func(w *world, p *peer)
		want error
		took time.Duration // until it ends, at most
	}{
		{"deadline", "1000", func(*world, *peer) {}, context.DeadlineExceeded, time.Second},
		{"cancel frame", "", func(_ *world, p *peer) { p.send(cancelFrame(1)) }, context.Canceled, 0},
		{"client disconnects", "", func(_ *world, p *peer) { p.Close() }, context.Canceled, 0},
		{"client closes its sending side", "", func(_ *world, p *peer) {
			_ = p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}, context.Canceled, 0},
		{"client sends rubbish", "", func(_ *world, p *peer) { _, _ = p.Write([]byte("rubbish")) }, context.Canceled, 0},
		{"connection is closed by the server", "", func(w *world, _ *peer) { w.Conns()[0].Close() }, context.Canceled, 0},
		{"server is closed", "", func(w *world, _ *peer) { w.Close() }, context.Canceled, 0},
		{"shutdown runs out of time", "", func(w *world, _ *peer) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := w.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				w.t.Errorf("Shutdown returned %v", err)
			}
		}, context.Canceled, time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t)
				began := make(chan struct{})
				after := make(chan string, 3)
				var hung sync.WaitGroup
				w.handle("hang", func(ctx context.Context, _ *Args, _ *Reply) error {
					hung.Add(1)
					defer hung.Done()
					derived, cancel := context.WithCancel(ctx)
					defer cancel()
					value := context.WithValue(derived, baseKey{}, 1)
					context.AfterFunc(ctx, func() { after <- "AfterFunc" })
					stopped := context.AfterFunc(ctx, func() { after <- "one that was stopped" })
					if !stopped() {
						t.Error("an AfterFunc could not be stopped while the context went on")
					}
					close(began)
					<-ctx.Done()
					<-derived.Done()
					<-value.Done()
					for _, err := range []error{ctx.Err(), derived.Err(), value.Err(), context.Cause(ctx), context.Cause(value)} {
						if !errors.Is(err, c.want) {
							t.Errorf("ended with %v, want %v", err, c.want)
						}
					}
					context.AfterFunc(ctx, func() { after <- "AfterFunc of an ended context" })
					return ctx.Err()
				})
				p := w.dial(t)
				m := request("S", "hang", `{}`)
				if c.with != "" {
					with(m, "__ServerTimeout", c.with)
				}
				p.send(m)
				<-began
				since := time.Now()
				c.end(w, p)
				for range 2 {
					if got := <-after; got == "one that was stopped" {
						t.Error("a function ran that was stopped")
					}
				}
				if took := time.Since(since); took > c.took+20*time.Millisecond {
					t.Errorf("it took %v, want %v and two looks of the monitor at most", took, c.took)
				}
				hung.Wait()
			})
		})
	}
}

// After the handler has returned its context is over, for whatever still holds it.
func TestContextEndsWithTheHandler(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	kept := make(chan context.Context, 2)
	over := make(chan struct{})
	w.handle("keep", func(ctx context.Context, _ *Args, _ *Reply) error {
		derived, cancel := context.WithCancel(ctx)
		context.AfterFunc(derived, func() {
			cancel()
			close(over)
		})
		kept <- ctx
		kept <- derived
		return nil
	})
	w.dial(t).call(request("S", "keep", `{}`))
	for range 2 {
		ctx := <-kept
		wait(t, "the context to end", ctx.Done())
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("it ended with %v", ctx.Err())
		}
	}
	wait(t, "the function that hangs on it", over)
}

// Err notices a deadline by itself, also when nobody ever asked for Done.
func TestErrNoticesTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		w.handle("poll", func(ctx context.Context, _ *Args, _ *Reply) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			time.Sleep(time.Second)
			err := ctx.Err()
			select {
			case <-ctx.Done():
			default:
				return errors.New("Err says that it ended, Done does not")
			}
			return err
		})
		got := w.dial(t).call(with(request("S", "poll", `{}`), "__ServerTimeout", "1000"))
		if errorCode(got) != "4" {
			t.Errorf("answered with %v", got.Metadata.Map())
		}
	})
}

// The first reason stays: a cancel after the deadline changes nothing.
func TestFirstReasonStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t)
		result := make(chan error, 1)
		w.handle("hang", func(ctx context.Context, _ *Args, _ *Reply) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			result <- ctx.Err()
			return nil
		})
		p := w.dial(t)
		p.send(with(request("S", "hang", `{}`), "__ServerTimeout", "1000"))
		time.Sleep(1500 * time.Millisecond)
		p.send(cancelFrame(1))
		if err := <-result; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context ended with %v", err)
		}
	})
}

// Many goroutines of a handler may use its context at once.
func TestContextIsUsedConcurrently(t *testing.T) {
	t.Parallel()
	w := inMemory(t)
	w.handle("busy", func(ctx context.Context, _ *Args, _ *Reply) error {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range 100 {
					derived, cancel := context.WithTimeout(ctx, time.Hour)
					_, _ = ctx.Deadline()
					_ = ctx.Err()
					select {
					case <-ctx.Done():
					default:
					}
					if err := rpcx.SetReplyMetadata(ctx, "k", string(rune('a'+i))); err != nil {
						t.Error(err)
					}
					stop := context.AfterFunc(derived, func() {})
					_ = rpcx.IncomingMetadata(derived)
					stop()
					cancel()
				}
			})
		}
		all.Wait()
		return nil
	})
	got := w.dial(t).call(with(request("S", "busy", `{}`), "__ServerTimeout", "60000", "k", "v"))
	if errorText(got) != "" || got.Metadata.Get("k") == "" {
		t.Errorf("answered with %v", got.Metadata.Map())
	}
}

// A call made with a handler's context inherits what is left of its deadline and its
// end, and none of its metadata.
func TestContextIsPassedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := inMemory(t)
		b := newBlocker()
		var left time.Duration
		var md rpcx.Metadata
		back.handle("block", func(ctx context.Context, args *Args, reply *Reply) error {
			deadline, _ := ctx.Deadline()
			left, md = time.Until(deadline), rpcx.IncomingMetadata(ctx)
			return b.handle(ctx, args, reply)
		})
		front := inMemory(t)
		x := back.client(t, "S", client.DefaultOption)
		front.handle("front", func(ctx context.Context, args *Args, reply *Reply) error {
			time.Sleep(300 * time.Millisecond)
			return x.Call(ctx, "block", args, reply)
		})
		p := front.dial(t)
		p.send(with(request("S", "front", `{}`), "__ServerTimeout", "1000", "trace", "1", "__AUTH", "secret"))
		<-b.began
		if left != 700*time.Millisecond || !md.IsZero() {
			t.Errorf("the inner call has %v left and carries %v", left, md.Map())
		}
		time.Sleep(100 * time.Millisecond) // the servers have greeted each other
		p.send(cancelFrame(1))
		if err := <-b.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the inner handler ended with %v", err)
		}
	})
}
