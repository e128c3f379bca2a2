// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

// What a handler returns is what its caller gets: the same text, and what programs go
// by.
func TestErrorsOfHandlers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		text string
		code rpcx.Code
		safe bool
	}{
		{"plain", errors.New("out of cheese"), "out of cheese", rpcx.Unknown, false},
		{"code", rpcx.NotFound, "not found", rpcx.NotFound, false},
		{"with a code", rpcx.Errorf(rpcx.PermissionDenied, "not yours"), "not yours", rpcx.PermissionDenied, false},
		{"wrapped", fmt.Errorf("open: %w", rpcx.Errorf(rpcx.DataLoss, "rotten")), "open: rotten", rpcx.DataLoss, false},
		{"not executed", rpcx.Errorf(rpcx.Unavailable, "warming up").NotExecuted(), "warming up", rpcx.Unavailable, true},
		{"a code of the future", rpcx.Errorf(77, "new"), "new", 77, false},
		{"context", context.DeadlineExceeded, "context deadline exceeded", rpcx.DeadlineExceeded, false},
		{"canceled", context.Canceled, "context canceled", rpcx.Canceled, false},
		{"empty text", errors.New(""), "the peer reported an error without a text", rpcx.Unknown, false},
		{"looks like ours", errors.New("client: connection lost"), "client: connection lost", rpcx.Unknown, false},
	}
	s := rpctest.NewServer(t)
	byName := make(map[string]error)
	for _, tt := range tests {
		byName[tt.name] = tt.err
	}
	handle(t, s.Server, "Fail", func(_ context.Context, args, reply *[]byte) error {
		*reply = []byte("as far as it came")
		return byName[string(*args)]
	})
	x := s.Client(t, "S", client.Option{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var reply []byte
			err := x.Call(t.Context(), "Fail", []byte(tt.name), &reply)
			wantError(t, err, tt.code, tt.safe)
			var e *rpcx.Error
			if !errors.As(err, &e) || e.Error() != tt.text || e.Message() != tt.text || !e.Remote() {
				t.Errorf("error is %q, remote %t; want %q", err, e.Remote(), tt.text)
			}
			if errors.Is(err, context.Canceled) != (tt.code == rpcx.Canceled) ||
				errors.Is(err, context.DeadlineExceeded) != (tt.code == rpcx.DeadlineExceeded) {
				t.Errorf("error %v matches the wrong error of package context", err)
			}
			if string(reply) != "as far as it came" {
				t.Errorf("reply beside the error is %q", reply)
			}
		})
	}
}

func TestErrorFacts(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "Fail", func(context.Context, *[]byte, *[]byte) error {
		return rpcx.Errorf(rpcx.ResourceExhausted, "slow down").
			WithDetail("quota", "10/s").WithDetail("used", "11/s").WithPause(1500 * time.Millisecond)
	})
	x := s.Client(t, "S", client.Option{})
	err := x.Call(t.Context(), "Fail", []byte("x"), new([]byte))
	var e *rpcx.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is a %T: %v", err, err)
	}
	if want := map[string]string{"quota": "10/s", "used": "11/s"}; !maps.Equal(e.Details(), want) || e.Detail("quota") != "10/s" {
		t.Errorf("details are %v, want %v", e.Details(), want)
	}
	if e.Pause() != 1500*time.Millisecond {
		t.Errorf("pause is %v, want 1.5 s", e.Pause())
	}
}

// Real rpcx servers send texts and nothing else.
func TestErrorsOfClassicServers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		metadata rpcx.Metadata
		text     string
		code     rpcx.Code
		safe     bool
	}{
		{rpcx.Pairs("__rpcx_error__", "rpcx: can't find service S"), "rpcx: can't find service S", rpcx.Unimplemented, true},
		{rpcx.Pairs("__rpcx_error__", "rpcx: can't find method M"), "rpcx: can't find method M", rpcx.Unimplemented, true},
		{rpcx.Pairs("__rpcx_error__", "can not find codec for 9"), "can not find codec for 9", rpcx.Unimplemented, true},
		{rpcx.Pairs("__rpcx_error__", "request reached rate limit"), "request reached rate limit", rpcx.ResourceExhausted, true},
		{
			rpcx.Pairs("__rpcx_error__", "[service internal error]: boom, method: M, argv: 1, stack: ..."),
			"[service internal error]: boom, method: M, argv: 1, stack: ...", rpcx.Internal, false,
		},
		{rpcx.Pairs("__rpcx_error__", "divided by zero", "user", "data"), "divided by zero", rpcx.Unknown, false},
		{rpcx.Pairs("__rpcx_error__", "2", "_rpcx_error_message", "from Java"), "2 from Java", rpcx.Unknown, false},
		{rpcx.Pairs("__rpcx_error__", "x", "__rpcx_code", "junk", "__rpcx_details", "{", "__rpcx_pause", "-1"), "x", rpcx.Unknown, false},
	}
	c, w := newPeer(t).dial(client.Option{})
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var trailer rpcx.Metadata
			done := inBackground(on(t.Context(), c, client.WithTrailer(&trailer)), "x")
			a := answerTo(w.next(), "")
			a.Status, a.Metadata = protocol.Error, tt.metadata
			w.send(a)
			got := receive(t, done, "the call")
			wantError(t, got.err, tt.code, tt.safe)
			if got.err.Error() != tt.text {
				t.Errorf("text is %q, want %q", got.err, tt.text)
			}
			if trailer.Get("user") != tt.metadata.Get("user") {
				t.Errorf("trailer is %v", trailer.Map())
			}
		})
	}
}

// An error text beside status normal is none: classic servers leave it in good replies.
func TestErrorTextBesideStatusNormal(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	done := inBackground(on(t.Context(), c), "x")
	a := answerTo(w.next(), "fine")
	a.Metadata = rpcx.Pairs("__rpcx_error__", "left over")
	w.send(a)
	wantOK(t, receive(t, done, "the call"), "fine")
}

// SafeToRetry is true exactly when nothing was sent or the server said so.
func TestSafeToRetry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(c *client.Conn, w *wire) <-chan result
		code rpcx.Code
		safe bool
	}{
		{"arguments do not encode", func(c *client.Conn, _ *wire) <-chan result {
			return inBackground(func(_, reply any) error {
				return c.Call(t.Context(), "S", "M", func() {}, reply)
			}, "")
		}, rpcx.InvalidArgument, true},
		{"lost after it was read", func(c *client.Conn, w *wire) <-chan result {
			done := inBackground(on(t.Context(), c), "x")
			w.next()
			w.Close()
			return done
		}, rpcx.Unavailable, false},
		{"refused", func(c *client.Conn, w *wire) <-chan result {
			done := inBackground(on(t.Context(), c), "x")
			w.replyError(w.next(), rpcx.Errorf(rpcx.Internal, "no").NotExecuted())
			return done
		}, rpcx.Internal, true},
		{"failed", func(c *client.Conn, w *wire) <-chan result {
			done := inBackground(on(t.Context(), c), "x")
			w.replyError(w.next(), rpcx.Errorf(rpcx.Unavailable, "no"))
			return done
		}, rpcx.Unavailable, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{})
			wantError(t, receive(t, tt.call(c, w), "the call").err, tt.code, tt.safe)
		})
	}
}

// A panic in the user's encoder is the user's, and leaves nothing behind.
func TestPanicInEncoder(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{SerializeType: protocol.JSON})
	func() {
		defer func() {
			if r := recover(); r != "explosive" {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = c.Call(t.Context(), "S", "M", explosive{}, new([]byte))
	}()
	if c.Pending() != 0 {
		t.Errorf("%d calls are pending", c.Pending())
	}
	w.sync(c)
	w.drain() // must not wait for the call that never was
	await(t, c.Done(), "the end of the connection")
}

type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("explosive") }
