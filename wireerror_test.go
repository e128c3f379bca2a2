// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// overWire returns the metadata that err is sent as.
func overWire(t *testing.T, err error) rpcx.Metadata {
	t.Helper()
	md, perr := protocol.ParseMetadata(rpcx.AppendWireError(nil, err))
	if perr != nil {
		t.Fatal(perr)
	}
	return md
}

func TestWireErrorRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		code rpcx.Code
	}{
		{"an Error", rpcx.Errorf(rpcx.NotFound, "no user %d", 7), rpcx.NotFound},
		{"a wrapped Error", fmt.Errorf("load: %w", rpcx.Errorf(rpcx.NotFound, "no user")), rpcx.NotFound},
		{"a code", rpcx.PermissionDenied, rpcx.PermissionDenied},
		{"another error", io.EOF, rpcx.Unknown},
		{"a context error", context.DeadlineExceeded, rpcx.DeadlineExceeded},
		{"a code of the future", rpcx.Errorf(4711, "x"), 4711},
		{"odd text", errors.New("\x00\xff\r\n\x1b[31m"), rpcx.Unknown},
		{"a classic text that a handler uses", rpcx.Errorf(rpcx.DataLoss, "rpcx: can't find service X"), rpcx.DataLoss},
		{"with everything", rpcx.Errorf(rpcx.ResourceExhausted, "slow down").WithDetail("a", "1").WithDetail("", "\"<&>").
			WithPause(1500 * time.Millisecond).NotExecuted(), rpcx.ResourceExhausted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := rpcx.FromWire(overWire(t, c.err))
			if got.Error() != c.err.Error() || got.Code() != c.code || !got.Remote() {
				t.Errorf("%q %v remote=%t, want %q %v", got, got.Code(), got.Remote(), c.err, c.code)
			}
			var sent *rpcx.Error
			if !errors.As(c.err, &sent) {
				sent = rpcx.Errorf(rpcx.Unknown, "x") // no details, no pause, no promise
			}
			if !maps.Equal(got.Details(), sent.Details()) || got.Pause() != sent.Pause() || rpcx.SafeToRetry(got) != rpcx.SafeToRetry(sent) {
				t.Errorf("details %q, pause %v, retry %t; sent %q, %v, %t",
					got.Details(), got.Pause(), rpcx.SafeToRetry(got), sent.Details(), sent.Pause(), rpcx.SafeToRetry(sent))
			}
		})
	}
}

// The keys are on the wire and in spec.md; they must not change.
func TestWireErrorKeys(t *testing.T) {
	t.Parallel()
	err := rpcx.Errorf(rpcx.ResourceExhausted, "slow down").WithDetail("b", "2").WithDetail("a", "1").WithPause(time.Second).NotExecuted()
	got := rpcx.AppendWireError([]byte{}, err)
	want, _ := protocol.Pairs(
		"__rpcx_error__", "slow down",
		"__rpcx_code", "8",
		"__rpcx_details", `{"a":"1","b":"2"}`,
		"__rpcx_not_executed", "1",
		"__rpcx_pause", "1000",
	).AppendBinary(nil)
	if string(got) != string(want) {
		t.Errorf("block is\n%q\nwant\n%q", got, want)
	}
	if got := overWire(t, io.EOF); got != protocol.Pairs("__rpcx_error__", "EOF", "__rpcx_code", "2") {
		t.Errorf("a plain error is sent as %v", got.Map())
	}
}

func TestWireErrorIsAppended(t *testing.T) {
	t.Parallel()
	block := protocol.AppendPair(nil, "trailer", "1")
	md, err := protocol.ParseMetadata(rpcx.AppendWireError(block, io.EOF))
	if err != nil || md.Get("trailer") != "1" || md.Get("__rpcx_error__") != "EOF" {
		t.Errorf("block is %v, %v", md.Map(), err)
	}
}

// A handler that passes on the error of a call of its own has run, whatever that
// error says of the inner call.
func TestWireErrorDoesNotPassAPromiseOn(t *testing.T) {
	t.Parallel()
	inner := rpcx.FromWire(protocol.Pairs("__rpcx_error__", "overloaded", "__rpcx_code", "8", "__rpcx_not_executed", "1", "__rpcx_details", `{"k":"v"}`))
	if !rpcx.SafeToRetry(inner) {
		t.Fatal("the peer's promise is not believed")
	}
	for name, err := range map[string]error{
		"as it is":  inner,
		"wrapped":   fmt.Errorf("load: %w", inner),
		"changed":   inner.WithDetail("a", "b").WithPause(time.Second),
		"classic":   rpcx.FromWire(protocol.Pairs("__rpcx_error__", "rpcx: can't find service X")),
		"not sent":  rpcx.Unsent(rpcx.Unavailable, "dial failed"),
		"around it": rpcx.Errorf(rpcx.Internal, "load: %w", inner.NotExecuted()),
	} {
		got := rpcx.FromWire(overWire(t, err))
		if rpcx.SafeToRetry(got) {
			t.Errorf("%s: the caller is told that the call did not run", name)
		}
		if got.Code() != rpcx.CodeOf(err) {
			t.Errorf("%s: code is %v, want %v", name, got.Code(), rpcx.CodeOf(err))
		}
	}
	// A proxy that did nothing else may say so itself.
	if got := rpcx.FromWire(overWire(t, inner.NotExecuted())); !rpcx.SafeToRetry(got) || got.Detail("k") != "v" {
		t.Error("NotExecuted of a remote error is not sent")
	}
}

// An error of any size leaves room in the 64 KiB that a peer takes, so that it
// cannot cost the connection.
func TestWireErrorIsBounded(t *testing.T) {
	t.Parallel()
	const room = 48 << 10
	huge := strings.Repeat("x", 1<<20)
	for name, err := range map[string]error{
		"text":    errors.New(huge),
		"details": rpcx.Errorf(rpcx.Internal, "x").WithDetail("k", huge),
		"both":    rpcx.Errorf(rpcx.Internal, "%s", huge).WithDetail("k", strings.Repeat("<", 16<<10)),
	} {
		md := overWire(t, err)
		if md.Size() > room {
			t.Errorf("%s: %d bytes of metadata", name, md.Size())
		}
		if rpcx.FromWire(md).Code() != rpcx.CodeOf(err) {
			t.Errorf("%s: the code is lost", name)
		}
	}
	for _, text := range []string{strings.Repeat("é", 20<<10), "x" + strings.Repeat("é", 20<<10), "xy" + strings.Repeat("語", 20<<10), "x" + strings.Repeat("\U0001f642", 20<<10)} {
		got := overWire(t, errors.New(text)).Get("__rpcx_error__")
		if !utf8.ValidString(got) || !strings.HasPrefix(text, got) || len(got) <= 32<<10-utf8.UTFMax || len(got) > 32<<10 {
			t.Errorf("text of %d bytes is cut to %d, valid=%t", len(text), len(got), utf8.ValidString(got))
		}
	}
	if got := overWire(t, errors.New(strings.Repeat("\x80", 64<<10))).Get("__rpcx_error__"); len(got) < 32<<10-utf8.UTFMax {
		t.Errorf("text that is not UTF-8 is cut to %d", len(got))
	}
	exact := strings.Repeat("x", 32<<10)
	if got := rpcx.FromWire(overWire(t, errors.New(exact))); got.Error() != exact {
		t.Error("a text of 32 KiB is cut")
	}
}

// What real rpcx servers, and rpcx-java, send.
func TestFromWireClassic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		code  rpcx.Code
		retry bool
	}{
		{"rpcx: can't find service Arith", rpcx.Unimplemented, true},
		{"rpcx: can't find service ", rpcx.Unimplemented, true},
		{"rpcx: can't find method Mul", rpcx.Unimplemented, true},
		{"can not find codec for 9", rpcx.Unimplemented, true},
		{"request reached rate limit", rpcx.ResourceExhausted, true},
		{"[service internal error]: boom, method: Panic, argv: x, stack: y", rpcx.Internal, false},
		{"divide by zero", rpcx.Unknown, false},
		{"a handler says: rpcx: can't find service X", rpcx.Unknown, false},
		{"request reached rate limit, honestly", rpcx.Unknown, false},
		{`{"code":100,"msg":"no"}`, rpcx.Unknown, false},
	} {
		err := rpcx.FromWire(protocol.Pairs("__rpcx_error__", c.text))
		if err.Error() != c.text || err.Code() != c.code || rpcx.SafeToRetry(err) != c.retry || !err.Remote() {
			t.Errorf("%q reads as %q %v retry=%t, want %v %t", c.text, err, err.Code(), rpcx.SafeToRetry(err), c.code, c.retry)
		}
	}
}

func TestFromWireTexts(t *testing.T) {
	t.Parallel()
	const none = "the peer reported an error without a text"
	for _, c := range []struct {
		name string
		md   rpcx.Metadata
		text string
	}{
		{"R19: no metadata at all", rpcx.Metadata{}, none},
		{"other metadata", protocol.Pairs("k", "v"), none},
		{"empty text", protocol.Pairs("__rpcx_error__", ""), none},
		{"java", protocol.Pairs("__rpcx_error__", "-1", "_rpcx_error_message", "null pointer"), "-1 null pointer"},
		{"java without a code", protocol.Pairs("_rpcx_error_message", "null pointer"), "null pointer"},
		{"twice: the last one counts", protocol.Pairs("__rpcx_error__", "a", "__rpcx_error__", "b"), "b"},
		{"text is not touched", protocol.Pairs("__rpcx_error__", " \x00\xff\r\n "), " \x00\xff\r\n "},
	} {
		err := rpcx.FromWire(c.md)
		if err == nil || err.Error() != c.text || err.Code() != rpcx.Unknown || !err.Remote() || rpcx.SafeToRetry(err) {
			t.Errorf("%s: %+v, want %q", c.name, err, c.text)
		}
	}
}

// Keys that only a peer of this project writes may hold anything: what cannot be
// read counts as not there, and the error stays one.
func TestFromWireHostileValues(t *testing.T) {
	t.Parallel()
	longDigits := strings.Repeat("9", 100_000)
	for _, v := range []string{"", "0", "-1", "+5", " 5", "5 ", "0x5", "5.0", "NaN", "4294967296", "18446744073709551616", longDigits, "\x00", "five"} {
		if err := rpcx.FromWire(protocol.Pairs("__rpcx_error__", "x", "__rpcx_code", v)); err.Code() != rpcx.Unknown {
			t.Errorf("code %.20q reads as %v", v, err.Code())
		}
	}
	if err := rpcx.FromWire(protocol.Pairs("__rpcx_error__", "can not find codec for 9", "__rpcx_code", "junk")); err.Code() != rpcx.Unimplemented {
		t.Errorf("with an unreadable code the text counts; got %v", err.Code())
	}
	if err := rpcx.FromWire(protocol.Pairs("__rpcx_code", "4294967295")); err.Code() != 1<<32-1 || err.Code().Error() != "code 4294967295" {
		t.Errorf("the largest code reads as %v", err.Code())
	}
	for _, v := range []string{"", "0", "-1", "-9223372036854775808", "2147483648", longDigits, "1e3", "soon"} {
		if err := rpcx.FromWire(protocol.Pairs("__rpcx_pause", v)); err.Pause() != 0 {
			t.Errorf("pause %.20q reads as %v", v, err.Pause())
		}
	}
	for _, v := range []string{"", "0", "true", "yes", "01", "1 "} {
		if rpcx.SafeToRetry(rpcx.FromWire(protocol.Pairs("__rpcx_not_executed", v))) {
			t.Errorf("not_executed %q counts as a promise", v)
		}
	}
	deep := strings.Repeat("[", 60<<10)
	for _, v := range []string{"", "null", "{}", "[]", "{", `"x"`, `{"a":1}`, `{"a":"1","b":2}`, `{"a":"1"} trailing`, `{"a":{"b":"c"}}`, deep, "\xff"} {
		if err := rpcx.FromWire(protocol.Pairs("__rpcx_details", v)); err.Details() != nil {
			t.Errorf("details %.20q read as %q", v, err.Details())
		}
	}
	if err := rpcx.FromWire(protocol.Pairs("__rpcx_details", `{"a":"1","a":"2","":"\u0000"}`)); err.Detail("a") != "2" || err.Detail("") != "\x00" {
		t.Errorf("details read as %q", err.Details())
	}
}

// Any metadata makes an error, and an error that came in can be sent on.
func FuzzFromWire(f *testing.F) {
	f.Add("text", "5", `{"a":"b"}`, "1", "100", "java")
	f.Add("rpcx: can't find service X", "", "{", "", "-1", "")
	f.Add("", "0", "null", "2", "999999999999", "\xff")
	f.Fuzz(func(t *testing.T, text, code, details, retry, pause, java string) {
		err := rpcx.FromWire(protocol.Pairs("__rpcx_error__", text, "__rpcx_code", code, "__rpcx_details", details,
			"__rpcx_not_executed", retry, "__rpcx_pause", pause, "_rpcx_error_message", java))
		if err == nil || err.Error() == "" || err.Code() == 0 || !err.Remote() || err.Pause() < 0 {
			t.Fatalf("error is %+v", err)
		}
		md := overWire(t, err)
		if md.Size() > 48<<10 {
			t.Fatalf("%d bytes of metadata", md.Size())
		}
		if again := rpcx.FromWire(md); again.Code() != err.Code() || again.Pause() != err.Pause() || rpcx.SafeToRetry(again) {
			t.Fatalf("sent on as %+v, was %+v", again, err)
		}
	})
}
