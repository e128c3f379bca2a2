// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Error is why a call failed: a code, a message for people, and facts for
// programs. It is immutable; the With methods return changed copies. A handler
// that returns one, wrapped or not, decides what the caller gets.
type Error struct {
	code     Code
	msg      string
	details  map[string]string
	remote   bool
	unsent   bool // no byte of the request reached the wire
	refused  bool // the peer said that the call did not run
	promised bool // this side says so to its caller
	pause    time.Duration
	cause    error
}

// Errorf returns an error with a code and a formatted message. A %w operand
// becomes the error it unwraps to. Code 0, which is none, becomes Unknown.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if cause == nil {
		if _, joined := err.(interface{ Unwrap() []error }); joined { //nolint:errorlint // our own value
			cause = err
		}
	}
	return &Error{code: code.orUnknown(), msg: err.Error(), cause: cause}
}

// Error returns the message. The message of an error that a peer sent is the
// peer's text unchanged, so that programs written for rpcx which compare texts
// go on working.
func (e *Error) Error() string { return e.msg }

// Code returns the kind of error.
func (e *Error) Code() Code { return e.code }

// Message returns the message, as Error does.
func (e *Error) Message() string { return e.msg }

// Detail returns the fact stored under key, "" if there is none.
func (e *Error) Detail(key string) string { return e.details[key] }

// Details returns a copy of all facts; nil if there are none.
func (e *Error) Details() map[string]string { return maps.Clone(e.details) }

// Remote reports whether the peer sent the error; otherwise this side made it.
func (e *Error) Remote() bool { return e.remote }

// Pause returns how long the peer asks to wait before the call is tried again; 0
// when it did not say.
func (e *Error) Pause() time.Duration { return e.pause }

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is this error's code, or the error of package context
// that means the same.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.code == Canceled
	case context.DeadlineExceeded:
		return e.code == DeadlineExceeded
	}
	c, ok := target.(Code) //nolint:errorlint // a Code wraps nothing
	return ok && c == e.code
}

// WithDetail returns e with a fact added. Facts travel to the caller; they must
// hold nothing that it may not know. They stay behind when they are more than
// 16 KiB as JSON.
func (e *Error) WithDetail(key, value string) *Error {
	c := *e
	c.details = maps.Clone(e.details)
	if c.details == nil {
		c.details = make(map[string]string, 1)
	}
	c.details[key] = value
	return &c
}

// WithPause returns e with a wish: the caller should wait for d before it tries
// again. It is kept in whole milliseconds, rounded up, at most some 24 days of them.
func (e *Error) WithPause(d time.Duration) *Error {
	c := *e
	d = min(max(d, 0), maxPause)
	c.pause = (d + time.Millisecond - 1).Truncate(time.Millisecond)
	return &c
}

// NotExecuted returns e with the promise that the call did not run and leaves no
// trace, so that it may be tried again, here or on another node. A handler that
// passes on the error of a call of its own does not pass on what that error
// promised: it has run.
func (e *Error) NotExecuted() *Error {
	c := *e
	c.promised = true
	return &c
}

// CodeOf returns the code of err: that of the *Error in its chain; Canceled or
// DeadlineExceeded for an error of package context; else Unknown. It is 0, which
// no error has, for nil.
func CodeOf(err error) Code {
	var e *Error
	var c Code
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &c):
		return c.orUnknown()
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return DeadlineExceeded
	default:
		return Unknown
	}
}

// SafeToRetry reports whether the call that ended with err certainly did not run:
// nothing of it reached the wire, or the peer said so. It is false for nil.
func SafeToRetry(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.unsent || e.refused || e.promised)
}
