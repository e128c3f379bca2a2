// SPDX-License-Identifier: Apache-2.0

package rpctest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
)

// fakeT is a test that can fail without failing this one.
type fakeT struct {
	exampleT
	fatal  string
	errors []string
}

func (t *fakeT) Fatalf(format string, args ...any) {
	t.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (t *fakeT) Errorf(format string, args ...any) {
	t.errors = append(t.errors, fmt.Sprintf(format, args...))
}

// run runs a test function to its end, which may come early.
func (t *fakeT) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.end()
		f()
	}()
	<-done
}

func TestServePassesOptionsOn(t *testing.T) {
	t.Parallel()
	auth := server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "right" {
			return rpcx.PermissionDenied
		}
		return nil
	})
	arith := rpctest.Serve(t, "Arith", new(Arith), auth)
	if err := arith.Call(t.Context(), "Mul", &Args{}, &Reply{}); !errors.Is(err, rpcx.PermissionDenied) {
		t.Errorf("without a token: %v", err)
	}
	arith.Auth("right")
	if err := arith.Call(t.Context(), "Mul", &Args{}, &Reply{}); err != nil {
		t.Errorf("with the token: %v", err)
	}
}

// It is the real thing: frames, codecs, compression, metadata, errors, pushes.
func TestItIsReal(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	err := server.Handle(s.Server, "S", "echo", func(ctx context.Context, args *string, reply *string) error {
		peer, _ := rpcx.PeerFrom(ctx)
		*reply = *args
		return errors.Join(
			rpcx.SetReplyMetadata(ctx, "network", peer.Network),
			rpcx.SetReplyMetadata(ctx, "got", rpcx.IncomingMetadata(ctx).Get("sent")),
			server.ConnFrom(ctx).Push(ctx, "pushed", "", rpcx.Metadata{}, []byte("x")))
	})
	if err != nil {
		t.Fatal(err)
	}
	pushes := make(chan *protocol.Message, 10)
	opt := client.Option{SerializeType: protocol.JSON, CompressType: protocol.Gzip, Pushes: pushes}
	args, reply := strings.Repeat("x", 5000), ""
	var md rpcx.Metadata
	call := func(c interface {
		Call(ctx context.Context, service, method string, args, reply any, opts ...client.CallOption) error
	},
	) {
		t.Helper()
		md = rpcx.Metadata{}
		err := c.Call(t.Context(), "S", "echo", &args, &reply, client.WithMetadata(rpcx.Pairs("sent", "1")), client.WithTrailer(&md))
		if err != nil || reply != args || md.Get("network") != "mem" || md.Get("got") != "1" {
			t.Errorf("%d bytes, %v, %v", len(reply), md.Map(), err)
		}
		if m := <-pushes; m.Service != "pushed" {
			t.Errorf("pushed %+v", m)
		}
	}
	call(s.Dial(t, opt))
	many := client.NewClient(client.Failtry, client.RandomSelect, s.Discovery(), s.Option(opt))
	defer many.Close()
	call(many)
	one := s.Client(t, "S", opt)
	if err := one.Call(t.Context(), "echo", &args, &reply); err != nil {
		t.Error(err)
	}
	if err := one.Call(t.Context(), "nope", &args, &reply); !errors.Is(err, rpcx.Unimplemented) {
		t.Errorf("an unknown method: %v", err)
	}
}

// Each server is a world of its own, whatever its services are called.
func TestServersDoNotMeet(t *testing.T) {
	t.Parallel()
	a, b := rpctest.NewServer(t), rpctest.NewServer(t)
	for name, s := range map[string]*rpctest.Server{"a": a, "b": b} {
		if err := server.Handle(s.Server, "S", "who", func(_ context.Context, _ *Args, reply *string) error {
			*reply = name
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for want, s := range map[string]*rpctest.Server{"a": a, "b": b} {
		got := ""
		if err := s.Client(t, "S", client.DefaultOption).Call(t.Context(), "who", &Args{}, &got); err != nil || got != want {
			t.Errorf("%s answers as %q, %v", want, got, err)
		}
	}
}

// Option leaves the option that it is given alone, also where they share memory.
func TestOptionCopies(t *testing.T) {
	t.Parallel()
	a, b := rpctest.NewServer(t), rpctest.NewServer(t)
	opt := client.Option{}
	forA := a.Option(opt)
	grown := forA
	grown.Transports = append(make([]transport.Transport, 0, 10), forA.Transports...)
	one, two := a.Option(grown), b.Option(grown)
	if len(opt.Transports) != 0 || len(grown.Transports) != 1 {
		t.Error("the option that was given has changed")
	}
	if &one.Transports[1] == &two.Transports[1] {
		t.Error("two options share the place of their transport")
	}
}

// At the end of the test client and server are closed, and nothing of them is left;
// goleak looks as well.
func TestEverythingEndsWithTheTest(t *testing.T) {
	t.Parallel()
	ft := new(fakeT)
	var x *client.XClient
	var c *client.Conn
	var s *rpctest.Server
	ft.run(func() {
		s = rpctest.NewServer(ft)
		if err := s.Register(new(Arith), ""); err != nil {
			t.Error(err)
		}
		x, c = s.Client(ft, "Arith", client.DefaultOption), s.Dial(ft, client.DefaultOption)
		if err := x.Call(t.Context(), "Mul", &Args{}, &Reply{}); err != nil {
			t.Error(err)
		}
	})
	if ft.fatal != "" || len(ft.errors) != 0 {
		t.Errorf("the test failed: %s %q", ft.fatal, ft.errors)
	}
	if err := x.Call(t.Context(), "Mul", &Args{}, &Reply{}); !errors.Is(err, rpcx.Canceled) {
		t.Errorf("the client is not closed: %v", err)
	}
	if c.Err() == nil {
		t.Error("the connection is open")
	}
	if err := s.Serve("mem", ""); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("the server is not closed: %v", err)
	}
}

// A test may end its server and clients by itself.
func TestClosedEarly(t *testing.T) {
	t.Parallel()
	ft := new(fakeT)
	ft.run(func() {
		s := rpctest.NewServer(ft)
		x := s.Client(ft, "Arith", client.DefaultOption)
		if err := errors.Join(x.Close(), s.Shutdown(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if ft.fatal != "" || len(ft.errors) != 0 {
		t.Errorf("the test failed: %s %q", ft.fatal, ft.errors)
	}
}

// Misfit has a method that cannot be called.
type Misfit struct{ Arith }

// Close is of another form.
func (*Misfit) Close() error { return nil }

// What is wrong with a test's use of the package fails the test, and says why.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(t testing.TB)
		want string
	}{
		"a wrong option": {
			func(t testing.TB) { rpctest.NewServer(t, server.WithLimits(server.Limits{Handlers: -1})) },
			"rpctest: server: limit Handlers of -1",
		},
		"no service": {
			func(t testing.TB) { rpctest.Serve(t, "S", struct{}{}) },
			`rpctest: server: service "S": type struct {} has no exported methods`,
		},
		"a misfit": {
			func(t testing.TB) { rpctest.Serve(t, "S", new(Misfit)) },
			"rpctest: server: method S.Close takes 0 parameters",
		},
		"a wrong client option": {
			func(t testing.TB) { rpctest.NewServer(t).Dial(t, client.Option{MaxPending: -1}) },
			"rpctest: client: Option.MaxPending of -1",
		},
		"a server that is gone": {
			func(t testing.TB) {
				s := rpctest.NewServer(t)
				s.Close()
				s.Dial(t, client.DefaultOption)
			},
			"rpctest: client: dial mem@",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 10 { // whatever is noticed first
				ft := new(fakeT)
				ft.run(func() {
					c.do(ft)
					t.Error("the test went on")
				})
				if !strings.HasPrefix(ft.fatal, c.want) {
					t.Errorf("the test failed with %q, want %q", ft.fatal, c.want)
				}
				if len(ft.errors) != 0 {
					t.Errorf("and %q", ft.errors)
				}
			}
		})
	}
}

// A handler that does not return is reported, and does not hang the test for long.
func TestStuckHandlerIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ft := new(fakeT)
		release := make(chan struct{})
		began := time.Now()
		ft.run(func() {
			s := rpctest.NewServer(ft)
			running := make(chan struct{})
			if err := server.Handle(s.Server, "S", "stuck", func(context.Context, *Args, *Reply) error {
				close(running)
				<-release
				return nil
			}); err != nil {
				t.Error(err)
			}
			if err := s.Client(ft, "S", client.DefaultOption).Oneshot(t.Context(), "stuck", &Args{}); err != nil {
				t.Error(err)
			}
			<-running
		})
		if len(ft.errors) != 1 || !strings.Contains(ft.errors[0], "rpctest: shut the server down: server: shutdown: out of time; calls told to stop: 1, connections open: 1: context deadline exceeded") {
			t.Errorf("reported %q", ft.errors)
		}
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("the test ended after %v, want 5s", took)
		}
		close(release)
	})
}

// In virtual time a test waits for nothing.
func TestVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rpctest.NewServer(t)
		if err := server.Handle(s.Server, "S", "slow", func(ctx context.Context, _ *Args, _ *Reply) error {
			<-ctx.Done()
			return ctx.Err()
		}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := s.Client(t, "S", client.DefaultOption).Call(t.Context(), "slow", &Args{}, &Reply{}, client.WithTimeout(time.Hour))
		if !errors.Is(err, rpcx.DeadlineExceeded) || time.Since(began) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
