// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
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

// Calls share a context with metadata and a deadline, and none of them writes to it.
// In rpcx the process dies of concurrent map writes.
func TestR3_SharedContext(t *testing.T) {
	t.Parallel()
	calls := 24_000
	if testing.Short() {
		calls = 2_400
	}
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", func(ctx context.Context, args, reply *[]byte) error {
		if _, ok := ctx.Deadline(); !ok || rpcx.IncomingMetadata(ctx).Get("tenant") != "blue" {
			return rpcx.Errorf(rpcx.FailedPrecondition, "metadata %v", rpcx.IncomingMetadata(ctx).Map())
		}
		*reply = *args
		return nil
	})
	x := s.Client(t, "S", client.Option{})
	x.Auth("bearer secret")
	mine := map[string]string{"tenant": "blue", "trace": "0af7"}
	ctx, cancel := context.WithTimeout(rpcx.WithMetadata(t.Context(), rpcx.NewMetadata(mine)), time.Hour)
	defer cancel()
	before := rpcx.OutgoingMetadata(ctx).Map()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for i := range calls / 8 {
				args := strconv.Itoa(i)
				var reply []byte
				if err := x.Call(ctx, "M", []byte(args), &reply); err != nil || string(reply) != args {
					t.Errorf("call %d: %q, %v", i, reply, err)
					return
				}
			}
		})
	}
	callers.Wait()
	if after := rpcx.OutgoingMetadata(ctx).Map(); !maps.Equal(before, after) || len(mine) != 2 {
		t.Errorf("metadata of the context became %v, it was %v; the map is %v", after, before, mine)
	}
}

// A call that was canceled before it began touches nobody else's. In rpcx it removes
// the call with sequence number 0.
func TestR4_CanceledBeforeSent(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	other := inBackground(on(t.Context(), c), "other")
	m := w.next()
	canceled, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("not interested any more")
	cancel(reason)
	expired, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	for range 100 {
		for _, reply := range []any{new([]byte), nil} {
			err := c.Call(canceled, "S", "M", []byte("x"), reply)
			wantError(t, err, rpcx.Canceled, true)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
				t.Errorf("error %v matches neither context.Canceled nor its cause", err)
			}
			err = c.Call(expired, "S", "M", []byte("x"), reply)
			wantError(t, err, rpcx.DeadlineExceeded, true)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v does not match context.DeadlineExceeded", err)
			}
		}
		_, err := c.SendRaw(canceled, &protocol.Message{Service: "S", Method: "M"})
		wantError(t, err, rpcx.Canceled, true)
	}
	w.sync(c) // nothing was sent
	w.reply(m, "unharmed")
	wantOK(t, receive(t, other, "the other call"), "unharmed")
}

// Canceling a call frees its caller at once and ends the handler's context; so does
// closing the connection. In rpcx the handler runs to its end in both cases.
func TestR18_CancelReachesTheHandler(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(cancel context.CancelFunc, c *client.Conn)
		code rpcx.Code
	}{
		{"cancel", func(cancel context.CancelFunc, _ *client.Conn) { cancel() }, rpcx.Canceled},
		{"close", func(_ context.CancelFunc, c *client.Conn) { c.Close() }, rpcx.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := rpctest.NewServer(t)
			began, ended := make(chan struct{}), make(chan error, 1)
			handle(t, s.Server, "Wait", func(ctx context.Context, _, _ *[]byte) error {
				close(began)
				<-ctx.Done()
				ended <- ctx.Err()
				return ctx.Err()
			})
			handle(t, s.Server, "M", echo)
			c := s.Dial(t, client.Option{})
			eventually(t, "the server answers the hello", c.Capable)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- c.Call(ctx, "S", "Wait", []byte("x"), new([]byte)) }()
			await(t, began, "the handler")
			tt.end(cancel, c)
			wantError(t, receive(t, done, "the call"), tt.code, false)
			if err := receive(t, ended, "the end of the handler's context"); !errors.Is(err, context.Canceled) {
				t.Errorf("the handler's context ended with %v", err)
			}
			if tt.name == "cancel" { // the connection goes on
				wantOK(t, receive(t, inBackground(on(t.Context(), c), "next"), "the next call"), "next")
			}
		})
	}
}

// A caller whose context ends does not wait for anything.
func TestCancelFreesTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		ctx, cancel := context.WithCancelCause(t.Context())
		done := inBackground(on(ctx, c), "x")
		m := w.next()
		reason := errors.New("the user left")
		began := time.Now()
		cancel(reason)
		got := <-done
		wantError(t, got.err, rpcx.Canceled, false)
		if !errors.Is(got.err, reason) || !strings.Contains(got.err.Error(), "the user left") {
			t.Errorf("error %q does not tell the cause", got.err)
		}
		if time.Since(began) != 0 || c.Pending() != 0 {
			t.Errorf("took %v, %d pending", time.Since(began), c.Pending())
		}
		w.reply(m, "late")
		w.sync(c)
		if c.Dropped() != 1 {
			t.Errorf("%d frames were dropped, want the late reply", c.Dropped())
		}
	})
}

// Replies and cancellations race, and every call ends as one or the other.
func TestCancelRacesReply(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	c := s.Dial(t, client.Option{})
	var callers sync.WaitGroup
	for g := range 8 {
		callers.Go(func() {
			for i := range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(g*i)*100*time.Nanosecond)
				args := strconv.Itoa(g*1000 + i)
				var reply []byte
				err := c.Call(ctx, "S", "M", []byte(args), &reply)
				if err == nil && string(reply) != args {
					t.Errorf("sent %q, got %q", args, reply)
				}
				if err != nil && !errors.Is(err, rpcx.DeadlineExceeded) {
					t.Errorf("call %s: %v", args, err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	if c.Pending() != 0 || c.Err() != nil {
		t.Errorf("%d pending, connection ended with %v", c.Pending(), c.Err())
	}
}

// The deadline goes out as whole milliseconds that are left, rounded up.
func TestDeadlineOnTheWire(t *testing.T) {
	t.Parallel()
	tests := []struct {
		left time.Duration
		want string
	}{
		{0, ""},
		{time.Nanosecond, "1"},
		{time.Millisecond, "1"},
		{time.Millisecond + 1, "2"},
		{1500 * time.Millisecond, "1500"},
		{100 * time.Hour, "360000000"},
	}
	for _, tt := range tests {
		t.Run(tt.left.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, w := newPeer(t).dial(client.Option{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.left > 0 {
					var stop context.CancelFunc
					ctx, stop = context.WithTimeout(ctx, tt.left)
					defer stop()
				}
				done := make(chan error, 1)
				go func() { done <- c.Call(ctx, "S", "M", []byte("x"), nil) }()
				m := w.next()
				if got := m.Metadata.Get(timeoutKey); got != tt.want {
					t.Errorf("sent %q, want %q", got, tt.want)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Each attempt sends what is left by then.
func TestDeadlineShrinksWithAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		x := p.client(client.Failtry, client.Option{})
		const timeout = 10 * time.Second
		began := time.Now()
		done := inBackground(of(t.Context(), x, client.WithTimeout(timeout)), "x")
		for attempt := range 3 {
			w := p.accept()
			m := w.next()
			left := timeout - time.Since(began)
			want := strconv.Itoa(int((left + time.Millisecond - 1) / time.Millisecond))
			if got := m.Metadata.Get(timeoutKey); got != want {
				t.Errorf("attempt %d sent %q, want %q", attempt, got, want)
			}
			if attempt == 2 {
				w.reply(m, "y")
				break
			}
			time.Sleep(2 * time.Second)
			w.Close()
		}
		wantOK(t, <-done, "y")
	})
}

// A handler sees the caller's deadline, and a deadline that it passes on shrinks.
func TestDeadlineTravels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		last := rpctest.NewServer(t)
		seen := make(chan time.Duration, 1)
		handle(t, last.Server, "M", func(ctx context.Context, _, _ *[]byte) error {
			deadline, _ := ctx.Deadline()
			seen <- time.Until(deadline)
			return nil
		})
		further := last.Client(t, "S", client.Option{})
		first := rpctest.NewServer(t)
		handle(t, first.Server, "M", func(ctx context.Context, args, reply *[]byte) error {
			time.Sleep(30 * time.Millisecond)
			return further.Call(ctx, "M", args, reply)
		})
		x := first.Client(t, "S", client.Option{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := x.Call(ctx, "M", []byte("x"), new([]byte)); err != nil {
			t.Fatal(err)
		}
		if left := <-seen; left > 70*time.Millisecond || left < 65*time.Millisecond {
			t.Errorf("%v are left at the end of the chain, want 70 ms", left)
		}
	})
}

// WithTimeout bounds a call as a whole; a context that ends earlier rules.
func TestWithTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		context time.Duration
		option  time.Duration
		want    time.Duration
	}{
		{"option", time.Hour, time.Second, time.Second},
		{"context", time.Second, time.Hour, time.Second},
		{"a time that has passed", time.Hour, -time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t)
				p.answer(func(*wire, *protocol.Message) {}) // never
				x := p.client(client.Failtry, client.Option{})
				c, err := client.Dial(t.Context(), "mem", p.name, p.option(client.Option{}))
				if err != nil {
					t.Fatal(err)
				}
				closing(t, c)
				for name, call := range map[string]func(ctx context.Context) error{
					"client": func(ctx context.Context) error {
						return x.Call(ctx, "M", []byte("x"), new([]byte), client.WithTimeout(tt.option))
					},
					"connection": func(ctx context.Context) error {
						return c.Call(ctx, "S", "M", []byte("x"), new([]byte), client.WithTimeout(tt.option))
					},
				} {
					ctx, cancel := context.WithTimeout(t.Context(), tt.context)
					began := time.Now()
					wantError(t, call(ctx), rpcx.DeadlineExceeded, tt.want == 0)
					if took := time.Since(began); took != tt.want {
						t.Errorf("%s: took %v, want %v", name, took, tt.want)
					}
					cancel()
				}
			})
		})
	}
}
