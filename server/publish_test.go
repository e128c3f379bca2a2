// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/server"
)

// book is a registrar in memory that can fail and hang, and remembers what happened.
type book struct {
	mu       sync.Mutex
	entries  map[string]registry.Instance // by service and address
	history  []string
	failing  error
	hanging  bool // until the context ends
	attempts int
}

func newBook() *book { return &book{entries: make(map[string]registry.Instance)} }

func (b *book) obstacle(ctx context.Context) error {
	b.mu.Lock()
	b.attempts++
	hanging, failing := b.hanging, b.failing
	b.mu.Unlock()
	if hanging {
		<-ctx.Done()
	}
	return errors.Join(ctx.Err(), failing)
}

func (b *book) Register(ctx context.Context, in registry.Instance) (registry.Lease, error) {
	if err := b.obstacle(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := in.Service + " at " + in.Key()
	b.entries[key] = in
	b.history = append(b.history, "+ "+in.Service)
	return &entry{b, key, in.Service}, nil
}

type entry struct {
	book         *book
	key, service string
}

func (e *entry) Update(context.Context, url.Values) error { return nil }

func (e *entry) Release(ctx context.Context) error {
	if err := e.book.obstacle(ctx); err != nil {
		return err
	}
	e.book.mu.Lock()
	defer e.book.mu.Unlock()
	delete(e.book.entries, e.key)
	e.book.history = append(e.book.history, "- "+e.service)
	return nil
}

// set changes what the registry does from now on.
func (b *book) set(failing error, hanging bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing, b.hanging = failing, hanging
}

// now returns what is registered, as lines.
func (b *book) now() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for key, in := range b.entries {
		lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s?%s", key, registry.FormatMeta(in.Meta)), "?"))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (b *book) events() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.history, " ")
}

// What is registered with the server becomes known, with its metadata, and follows
// every change.
func TestPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		w := inMemory(t, server.WithRegistrar(b, "", 0))
		at := "mem@" + w.addr
		check := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			slices.Sort(want)
			if got := b.now(); got != strings.Join(want, "\n") {
				t.Errorf("%s the registry holds\n%s\nwant\n%s", when, got, strings.Join(want, "\n"))
			}
		}
		check("at first")
		if err := w.RegisterName("A", Arith{}, "weight=3&group=blue"); err != nil {
			t.Fatal(err)
		}
		check("after RegisterName", "A at "+at+"?group=blue&weight=3")
		if err := w.RegisterFunction("F", double, "x=%20y"); err != nil {
			t.Fatal(err)
		}
		check("after RegisterFunction", "A at "+at+"?group=blue&weight=3", "F at "+at+"?x=+y")
		// More of the same service, without and with other metadata.
		if err := server.Handle(w.Server, "A", "more", double); err != nil {
			t.Fatal(err)
		}
		check("after Handle", "A at "+at+"?group=blue&weight=3", "F at "+at+"?x=+y")
		if err := w.RegisterFunctionName("A", "again", double, "weight=5"); err != nil {
			t.Fatal(err)
		}
		check("after other metadata", "A at "+at+"?weight=5", "F at "+at+"?x=+y")
		if err := w.UnregisterAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after UnregisterAll")
		w.arith()
		check("registered again", "Arith at "+at)
		if err := w.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after Shutdown")
	})
}

// The advertised address replaces those of the listeners.
func TestAdvertise(t *testing.T) {
	t.Parallel()
	for advertise, want := range map[string]string{
		"tcp@10.0.0.1:8972": "Arith at tcp@10.0.0.1:8972",
		"10.0.0.1:8972":     "Arith at tcp@10.0.0.1:8972",
		"quic@host:1":       "Arith at quic@host:1",
	} {
		b := newBook()
		s := server.NewServer(server.WithRegistrar(b, advertise, 0), server.WithLogger(slog.New(slog.DiscardHandler)))
		if err := s.Register(Arith{}, ""); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- s.Serve("tcp", ":0") }() // everywhere: fine with an address to advertise
		eventually(t, "it is registered", func() bool { return b.now() == want })
		s.Close()
		<-done
	}
}

// An address that clients cannot dial is refused, not published.
func TestWildcardIsNotPublished(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		b := newBook()
		s := server.NewServer(server.WithRegistrar(b, "", 0))
		if err := s.Serve("tcp", addr); err == nil || !strings.Contains(err.Error(), "no address that clients can dial; name one with WithRegistrar") {
			t.Errorf("%s: %v", addr, err)
		}
		s.Close()
		if got := b.events(); got != "" {
			t.Errorf("%s: published all the same: %s", addr, got)
		}
	}
}

// The registry may be down when the server starts: it serves, and is registered when
// the registry is back.
func TestRegistryIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		b.set(errors.New("registry is down"), false)
		var log lockedBuffer
		w := inMemory(t, server.WithRegistrar(b, "", 0), server.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).arith()
		time.Sleep(time.Minute)
		w.mustWork(t)
		b.mu.Lock()
		attempts := b.attempts
		b.mu.Unlock()
		if attempts < 3 || attempts > 100 {
			t.Errorf("%d attempts in a minute", attempts)
		}
		if !strings.Contains(log.String(), "registry is down") {
			t.Errorf("the log does not say why: %s", log.String())
		}
		b.set(nil, false)
		time.Sleep(30 * time.Second)
		if got := b.now(); got != "Arith at mem@"+w.addr {
			t.Errorf("with the registry back it holds %q", got)
		}
	})
}

// Shutdown takes the registrations back first; for the time of the delay everything
// goes on, so that clients can learn of it.
func TestShutdownWithdrawsFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const delay = 5 * time.Second
		b := newBook()
		w := inMemory(t, server.WithRegistrar(b, "", delay)).arith()
		p := w.dial(t)
		p.hello()
		synctest.Wait() // it is registered
		began := time.Now()
		done := w.shutdown(t.Context())
		synctest.Wait()
		if got := b.now(); got != "" {
			t.Errorf("the registry holds %q", got)
		}
		for range 4 {
			time.Sleep(time.Second)
			w.mustWork(t) // on a connection that is new
			p.silent()    // and on an old one, which was not told yet
		}
		if err := w.RegisterName("Late", Arith{}, ""); err != nil {
			t.Errorf("RegisterName: %v", err)
		}
		synctest.Wait()
		if got := b.now(); got != "" {
			t.Errorf("the registry holds %q after the withdrawal", got)
		}
		if m := p.receive(); m.Method != "drain" {
			t.Errorf("received %+v", m)
		}
		if took := time.Since(began); took < delay || took > delay+100*time.Millisecond {
			t.Errorf("the clients were told after %v, want %v", took, delay)
		}
		p.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := b.events(); got != "+ Arith - Arith" {
			t.Errorf("in the registry this happened: %s", got)
		}
	})
}

// Without a registrar there is nobody to wait for.
func TestNoRegistrarNoDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithRegistrar(nil, "", time.Hour))
		began := time.Now()
		if err := w.Shutdown(t.Context()); err != nil || time.Since(began) > time.Second {
			t.Errorf("Shutdown: %v, after %v", err, time.Since(began))
		}
	})
}

// A registry that hangs takes from a shutdown neither its end nor its grace: calls
// that run are answered.
func TestShutdownWithADeadRegistry(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*testing.T, *book) *world{
		"release hangs": func(t *testing.T, b *book) *world {
			w := inMemory(t, server.WithRegistrar(b, "", 0))
			w.arith()
			synctest.Wait()
			b.set(nil, true)
			return w
		},
		"register hangs": func(t *testing.T, b *book) *world {
			b.set(nil, true)
			w := inMemory(t, server.WithRegistrar(b, "", 0))
			w.arith()
			synctest.Wait()
			return w
		},
		"release fails": func(t *testing.T, b *book) *world {
			w := inMemory(t, server.WithRegistrar(b, "", 0))
			w.arith()
			synctest.Wait()
			b.set(errors.New("registry is down"), false)
			return w
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				w := prepare(t, b)
				bl := newBlocker()
				w.handle("block", bl.handle)
				p := w.dial(t)
				p.hello()
				c := w.conn(t, client.DefaultOption)
				call := c.Go(t.Context(), "S", "block", &Args{6, 7}, new(Reply), nil)
				<-bl.began
				const timeout = 20 * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				began := time.Now()
				done := w.shutdown(ctx)
				go func() {
					time.Sleep(15 * time.Second)
					close(bl.release)
				}()
				_ = p.SetReadDeadline(time.Time{})
				if m := receiveLate(p); m.Method != "drain" || time.Since(began) > timeout/2+twoTicks {
					t.Errorf("clients were told %q after %v; a half of the time is theirs", m.Method, time.Since(began))
				}
				p.Close()
				if <-call.Done; call.Error != nil || call.Reply.(*Reply).C != 42 {
					t.Errorf("the call that ran: %+v, %v", call.Reply, call.Error)
				}
				if err := <-done; err == nil {
					t.Error("Shutdown does not say that the registry still holds the server")
				}
				if took := time.Since(began); took > timeout+twoTicks {
					t.Errorf("Shutdown took %v", took)
				}
			})
		})
	}
}

// Close does not wait for the registry.
func TestCloseWithADeadRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		w := inMemory(t, server.WithRegistrar(b, "", time.Hour)).arith()
		synctest.Wait()
		b.set(nil, true)
		if err := w.RegisterName("Other", Arith{}, ""); err != nil { // which hangs in the background
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
	})
}

// UnregisterAll says when the registry could not be told, and within its context.
func TestUnregisterAllWithADeadRegistry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		w := inMemory(t, server.WithRegistrar(b, "", 0)).arith()
		synctest.Wait()
		b.set(errors.New("registry is down"), false)
		if err := w.UnregisterAll(t.Context()); err == nil || !strings.Contains(err.Error(), "server: release Arith at mem@") {
			t.Errorf("UnregisterAll returned %v", err)
		}
		b.set(nil, true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.UnregisterAll(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("UnregisterAll returned %v", err)
		}
	})
}

// Each service of each listener is an entry of its own.
func TestPublishOfManyListeners(t *testing.T) {
	t.Parallel()
	b := newBook()
	w := onTCP(t, server.WithRegistrar(b, "", 0)).arith()
	done := make(chan error, 1)
	go func() { done <- w.Serve("reuseport", "127.0.0.1:0") }()
	eventually(t, "both are registered", func() bool { return strings.Count(b.now(), "Arith at tcp@127.0.0.1:") == 2 })
	if err := w.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-done
	if got := b.now(); got != "" {
		t.Errorf("the registry holds %s", got)
	}
}

// Metadata of any kind is published or reported; nothing panics, and other services
// are not affected. Clients see it as their registry does.
func TestR14_WeirdMetadataDoesNotPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, meta := range []string{
			"weight=0", "weight=-1", "weight=", "weight", "weight=NaN", "weight=99999999999999999999", "latitude=x&longitude=y",
			"=", "&", "&&&", "=&=", "a=1&a=2", "a=%zz", "%", ";", "a;b", "?a=b", "a=b#c", "\x00", "\xff\xfe", "状态=好", strings.Repeat("a=b&", 10_000),
		} {
			b := newBook()
			w := inMemory(t, server.WithRegistrar(b, "", 0))
			if err := w.RegisterName("Good", Arith{}, "weight=1"); err != nil {
				t.Fatal(err)
			}
			err := w.RegisterName("Arith", Arith{}, meta)
			synctest.Wait()
			if want := "Good at mem@" + w.addr + "?weight=1"; !strings.Contains(b.now(), want) {
				t.Errorf("%.20q: the registry holds %.100q, want %q in it", meta, b.now(), want)
			}
			parsed, perr := registry.ParseMeta(meta)
			if (err == nil) != (perr == nil) {
				t.Errorf("%.20q: RegisterName returns %v; what can be read of it: %v, %v", meta, err, parsed, perr)
			}
			if err != nil {
				w.Close()
				continue
			}
			b.mu.Lock()
			in, ok := b.entries["Arith at mem@"+w.addr]
			b.mu.Unlock()
			if !ok || !maps.EqualFunc(in.Meta, parsed, slices.Equal) {
				t.Errorf("%.20q: published as %v", meta, in.Meta)
			}
			w.mustWork(t)
			w.Close()
		}
	})
}
