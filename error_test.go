// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
)

// every code there is, with its number and name.
func codes() map[rpcx.Code]string {
	return map[rpcx.Code]string{
		1: "canceled", 2: "unknown", 3: "invalid argument", 4: "deadline exceeded", 5: "not found", 6: "already exists",
		7: "permission denied", 8: "resource exhausted", 9: "failed precondition", 10: "aborted", 11: "out of range",
		12: "unimplemented", 13: "internal", 14: "unavailable", 15: "data loss", 16: "unauthenticated",
	}
}

func TestCodeString(t *testing.T) {
	t.Parallel()
	want := codes()
	maps.Copy(want, map[rpcx.Code]string{0: "code 0", 17: "code 17", math.MaxInt32 + 1: "code 2147483648", math.MaxUint32: "code 4294967295"})
	for c, name := range want {
		if c.String() != name || c.Error() != name {
			t.Errorf("code %d is %q and %q, want %q", uint32(c), c.String(), c.Error(), name)
		}
	}
	if rpcx.Canceled != 1 || rpcx.Unknown != 2 || rpcx.Unauthenticated != 16 {
		t.Error("the numbers are not gRPC's")
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	inner := rpcx.Errorf(rpcx.NotFound, "no such user")
	for _, c := range []struct {
		name  string
		err   *rpcx.Error
		code  rpcx.Code
		text  string
		cause error
	}{
		{"plain", rpcx.Errorf(rpcx.Aborted, "lost the race"), rpcx.Aborted, "lost the race", nil},
		{"with operands", rpcx.Errorf(rpcx.NotFound, "user %d of %q", 7, "blue"), rpcx.NotFound, `user 7 of "blue"`, nil},
		{"with a cause", rpcx.Errorf(rpcx.DataLoss, "read: %w", io.EOF), rpcx.DataLoss, "read: EOF", io.EOF},
		{"around another", rpcx.Errorf(rpcx.Internal, "load: %w", inner), rpcx.Internal, "load: no such user", inner},
		{"%v wraps nothing", rpcx.Errorf(rpcx.Internal, "load: %v", io.EOF), rpcx.Internal, "load: EOF", nil},
		{"no code is unknown", rpcx.Errorf(0, "what"), rpcx.Unknown, "what", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.err.Code() != c.code || c.err.Error() != c.text || c.err.Message() != c.text {
				t.Errorf("%v %q, want %v %q", c.err.Code(), c.err.Error(), c.code, c.text)
			}
			if c.err.Unwrap() != c.cause { //nolint:errorlint // the very same error
				t.Errorf("unwraps to %v, want %v", c.err.Unwrap(), c.cause)
			}
			if c.err.Remote() || c.err.Details() != nil || c.err.Pause() != 0 || rpcx.SafeToRetry(c.err) {
				t.Errorf("a new error has properties: %+v", c.err)
			}
		})
	}
}

func TestErrorfWithTwoCauses(t *testing.T) {
	t.Parallel()
	err := rpcx.Errorf(rpcx.Unavailable, "both failed: %w, %w", io.EOF, rpcx.Aborted)
	for _, target := range []error{io.EOF, rpcx.Aborted, rpcx.Unavailable} {
		if !errors.Is(err, target) {
			t.Errorf("does not match %v", target)
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || rpcx.CodeOf(err) != rpcx.Unavailable {
		t.Errorf("matches too much, or has code %v", rpcx.CodeOf(err))
	}
}

func TestErrorIs(t *testing.T) {
	t.Parallel()
	for c := range codes() {
		err := fmt.Errorf("wrapped: %w", rpcx.Errorf(c, "x"))
		for other := range codes() {
			if errors.Is(err, other) != (c == other) {
				t.Errorf("%v matches %v: %t", c, other, c != other)
			}
		}
		if errors.Is(err, context.Canceled) != (c == rpcx.Canceled) {
			t.Errorf("%v and context.Canceled", c)
		}
		if errors.Is(err, context.DeadlineExceeded) != (c == rpcx.DeadlineExceeded) {
			t.Errorf("%v and context.DeadlineExceeded", c)
		}
		var e *rpcx.Error
		if !errors.As(err, &e) || e.Code() != c {
			t.Errorf("%v is not found by errors.As", c)
		}
	}
	if errors.Is(rpcx.Errorf(rpcx.Internal, "x"), incomparable{}) {
		t.Error("matches a target that cannot be compared")
	}
}

// incomparable is an error whose values cannot be compared with ==.
type incomparable struct{ _ []int }

func (incomparable) Error() string { return "" }

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want rpcx.Code
	}{
		{"nil", nil, 0},
		{"an Error", rpcx.Errorf(rpcx.NotFound, "x"), rpcx.NotFound},
		{"a wrapped Error", fmt.Errorf("a: %w", rpcx.Errorf(rpcx.NotFound, "x")), rpcx.NotFound},
		{"the outer of two", rpcx.Errorf(rpcx.Internal, "x: %w", rpcx.Errorf(rpcx.NotFound, "y")), rpcx.Internal},
		{"a joined Error", errors.Join(io.EOF, rpcx.Errorf(rpcx.NotFound, "x")), rpcx.NotFound},
		{"a Code", rpcx.Aborted, rpcx.Aborted},
		{"a wrapped Code", fmt.Errorf("a: %w", rpcx.Aborted), rpcx.Aborted},
		{"the Code that is none", rpcx.Code(0), rpcx.Unknown},
		{"canceled", context.Canceled, rpcx.Canceled},
		{"wrapped canceled", fmt.Errorf("a: %w", context.Canceled), rpcx.Canceled},
		{"deadline", fmt.Errorf("a: %w", context.DeadlineExceeded), rpcx.DeadlineExceeded},
		{"anything else", io.EOF, rpcx.Unknown},
	} {
		if got := rpcx.CodeOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestErrorIsImmutable(t *testing.T) {
	t.Parallel()
	base := rpcx.Errorf(rpcx.ResourceExhausted, "slow down").WithDetail("limit", "10")
	changed := base.WithDetail("limit", "20").WithDetail("tenant", "blue").WithPause(time.Second).NotExecuted()
	base.Details()["limit"] = "30"
	if base.Detail("limit") != "10" || base.Detail("tenant") != "" || base.Pause() != 0 || rpcx.SafeToRetry(base) {
		t.Errorf("the first error changed: %+v", base)
	}
	if changed.Detail("limit") != "20" || changed.Detail("tenant") != "blue" || changed.Pause() != time.Second || !rpcx.SafeToRetry(changed) {
		t.Errorf("the copy lacks something: %+v", changed)
	}
	if changed.Error() != "slow down" || !errors.Is(changed, rpcx.ResourceExhausted) {
		t.Errorf("the copy is %q, %v", changed, changed.Code())
	}
}

// A pause is kept in whole milliseconds and never becomes none by rounding.
func TestWithPause(t *testing.T) {
	t.Parallel()
	const longest = math.MaxInt32 * time.Millisecond
	for in, want := range map[time.Duration]time.Duration{
		0: 0, -1: 0, math.MinInt64: 0, 1: time.Millisecond, time.Millisecond: time.Millisecond,
		time.Millisecond + 1: 2 * time.Millisecond, 1500 * time.Millisecond: 1500 * time.Millisecond,
		longest: longest, longest + 1: longest, math.MaxInt64: longest,
	} {
		if got := rpcx.Errorf(rpcx.Unavailable, "x").WithPause(in).Pause(); got != want {
			t.Errorf("pause of %v is kept as %v, want %v", in, got, want)
		}
	}
}

func TestSafeToRetry(t *testing.T) {
	t.Parallel()
	unsent := rpcx.Unsent(rpcx.Unavailable, "dial: %w", io.EOF)
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nil", nil, false},
		{"another error", io.EOF, false},
		{"a context error", context.Canceled, false},
		{"an Error", rpcx.Errorf(rpcx.Unavailable, "x"), false},
		{"unsent", unsent, true},
		{"unsent, wrapped", fmt.Errorf("a: %w", unsent), true},
		{"promised", rpcx.Errorf(rpcx.ResourceExhausted, "x").NotExecuted(), true},
		{"an Error around one: it may stand for several attempts", rpcx.Errorf(rpcx.Unavailable, "gave up: %w", unsent), false},
	} {
		if got := rpcx.SafeToRetry(c.err); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
	if unsent.Code() != rpcx.Unavailable || unsent.Error() != "dial: EOF" || !errors.Is(unsent, io.EOF) || unsent.Remote() {
		t.Errorf("unsent error is %+v", unsent)
	}
}

func TestFromContext(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	why := errors.New("the connection was lost")
	caused, cause := context.WithCancelCause(t.Context())
	cause(why)
	for _, c := range []struct {
		name string
		ctx  context.Context
		code rpcx.Code
		is   []error
		text string
	}{
		{"canceled", canceled, rpcx.Canceled, []error{context.Canceled, rpcx.Canceled}, "wait: context canceled"},
		{"deadline", late, rpcx.DeadlineExceeded, []error{context.DeadlineExceeded, rpcx.DeadlineExceeded}, "wait: context deadline exceeded"},
		{"cause", caused, rpcx.Canceled, []error{context.Canceled, rpcx.Canceled, why}, "wait: the connection was lost"},
		{"ends while it is asked", &ending{Context: t.Context()}, rpcx.Canceled, []error{context.Canceled}, "wait: context canceled"},
	} {
		err := rpcx.FromContext(c.ctx, "wait")
		if c.name == "ends while it is asked" && err == nil {
			err = rpcx.FromContext(c.ctx, "wait") // it went on when first asked
		}
		if err == nil || err.Code() != c.code || err.Error() != c.text {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.code, c.text)
			continue
		}
		for _, target := range c.is {
			if !errors.Is(err, target) {
				t.Errorf("%s: does not match %v", c.name, target)
			}
		}
	}
	if err := rpcx.FromContext(t.Context(), "wait"); err != nil {
		t.Errorf("a context that goes on gives %v", err)
	}
}

// ending is a context that ends between the first and the second question.
type ending struct {
	context.Context //nolint:containedctx // it is a context
	asked           int
}

func (e *ending) Value(any) any { return nil }

func (e *ending) Err() error {
	if e.asked++; e.asked > 1 {
		return context.Canceled
	}
	return nil
}

// What a handler returns may be anything; the text of an Error is its own.
func TestErrorTextIsKept(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "100%", "line\nbreak", "\x00\xff", strings.Repeat("x", 1000)} {
		if got := rpcx.Errorf(rpcx.Internal, "%s", text).Error(); got != text {
			t.Errorf("text %q became %q", text, got)
		}
	}
}
