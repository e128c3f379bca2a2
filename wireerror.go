// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rpcx-go/rpcx/protocol"
)

// The metadata keys that carry an error. The first is rpcx's; the others are ours
// and mean nothing to rpcx. protocol/spec.md describes them.
const (
	errorTextKey    = "__rpcx_error__"
	errorCodeKey    = "__rpcx_code"
	errorDetailsKey = "__rpcx_details"
	errorRetryKey   = "__rpcx_not_executed"
	errorPauseKey   = "__rpcx_pause"
	javaErrorKey    = "_rpcx_error_message"
)

// Bounds of what is sent, so that an error of any size leaves room in the 64 KiB of
// metadata that peers take: a longer block would cost the connection.
const (
	maxErrorText    = 32 << 10
	maxErrorDetails = 16 << 10
	maxPause        = math.MaxInt32 * time.Millisecond
)

// AppendWireError appends to an encoded metadata block the pairs that carry err:
// its text where rpcx has it, and code, details and what is known about retrying
// in keys that rpcx passes over. A text is cut after 32 KiB. Servers and gateways
// use it, where a panic in a method of err does no harm.
func AppendWireError(block []byte, err error) []byte {
	block = protocol.AppendPair(block, errorTextKey, cut(err.Error()))
	block = protocol.AppendPair(block, errorCodeKey, strconv.FormatUint(uint64(CodeOf(err)), 10))
	var e *Error
	if !errors.As(err, &e) {
		return block
	}
	if len(e.details) > 0 {
		if text, jerr := json.Marshal(e.details); jerr == nil && len(text) <= maxErrorDetails {
			block = protocol.AppendPair(block, errorDetailsKey, string(text))
		}
	}
	if e.promised {
		block = protocol.AppendPair(block, errorRetryKey, "1")
	}
	if e.pause > 0 {
		block = protocol.AppendPair(block, errorPauseKey, strconv.FormatInt(e.pause.Milliseconds(), 10))
	}
	return block
}

// cut shortens a text to what is sent of it, between two characters.
func cut(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	end := maxErrorText
	for end > maxErrorText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// FromWire returns the error that a reply with status error carries in its
// metadata. It is never nil: a reply without metadata is an error as well. Clients
// and gateways use it.
func FromWire(md Metadata) *Error {
	e := &Error{code: Unknown, remote: true, msg: md.Get(errorTextKey)}
	if java := md.Get(javaErrorKey); java != "" {
		e.msg = strings.TrimSpace(e.msg + " " + java)
	}
	if code, err := strconv.ParseUint(md.Get(errorCodeKey), 10, 32); err == nil && code > 0 {
		e.code = Code(code)
	} else {
		e.code, e.refused = classic(e.msg)
	}
	if text, ok := md.Lookup(errorDetailsKey); ok {
		e.details = readDetails(text)
	}
	if md.Get(errorRetryKey) == "1" {
		e.refused = true
	}
	if ms, err := strconv.ParseInt(md.Get(errorPauseKey), 10, 32); err == nil && ms > 0 {
		e.pause = time.Duration(ms) * time.Millisecond
	}
	if e.msg == "" {
		e.msg = "the peer reported an error without a text"
	}
	return e
}

// readDetails returns nil for a text that is not an object of strings.
func readDetails(text string) map[string]string {
	var details map[string]*string
	if json.Unmarshal([]byte(text), &details) != nil || len(details) == 0 {
		return nil
	}
	out := make(map[string]string, len(details))
	for k, v := range details {
		if v == nil {
			return nil
		}
		out[k] = *v
	}
	return out
}

// classic reads the code out of the texts that real rpcx servers send, and
// whether they mean that the call did not run.
func classic(text string) (code Code, notExecuted bool) {
	switch {
	case strings.HasPrefix(text, "rpcx: can't find service "),
		strings.HasPrefix(text, "rpcx: can't find method "),
		strings.HasPrefix(text, "can not find codec for "):
		return Unimplemented, true
	case text == "request reached rate limit":
		return ResourceExhausted, true
	case strings.HasPrefix(text, "[service internal error]: "):
		return Internal, false
	default:
		return Unknown, false
	}
}

// Unsent returns an error about a call of which nothing reached the wire, so that
// SafeToRetry is true of it. Clients use it.
func Unsent(code Code, format string, args ...any) *Error {
	e := Errorf(code, format, args...)
	e.unsent = true
	return e
}

// FromContext returns why ctx ended as an *Error that matches both our code and
// the error of package context, with a message in front. It returns nil while ctx
// goes on; as a value of type error that would not be nil, so ask ctx first.
func FromContext(ctx context.Context, what string) *Error {
	ended := ctx.Err()
	if ended == nil {
		return nil
	}
	return Errorf(CodeOf(ended), "%s: %w", what, context.Cause(ctx))
}
