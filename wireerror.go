// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

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

// AppendWireError appends to an encoded metadata block the pairs that carry err:
// its text where rpcx has it, and code, details and what is known about retrying
// in keys that rpcx passes over. Servers and gateways use it.
func AppendWireError(block []byte, err error) []byte {
	block = protocol.AppendPair(block, errorTextKey, err.Error())
	block = protocol.AppendPair(block, errorCodeKey, strconv.FormatUint(uint64(CodeOf(err)), 10))
	var e *Error
	if !errors.As(err, &e) {
		return block
	}
	if len(e.details) > 0 {
		if text, jerr := json.Marshal(e.details); jerr == nil {
			block = protocol.AppendPair(block, errorDetailsKey, string(text))
		}
	}
	if e.retryable {
		block = protocol.AppendPair(block, errorRetryKey, "1")
	}
	if e.pause > 0 {
		block = protocol.AppendPair(block, errorPauseKey, strconv.FormatInt(e.pause.Milliseconds(), 10))
	}
	return block
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
		e.code, e.retryable = classic(e.msg)
	}
	if text, ok := md.Lookup(errorDetailsKey); ok {
		_ = json.Unmarshal([]byte(text), &e.details) // details that cannot be read are no details
	}
	if md.Get(errorRetryKey) == "1" {
		e.retryable = true
	}
	if ms, err := strconv.ParseInt(md.Get(errorPauseKey), 10, 32); err == nil && ms > 0 {
		e.pause = time.Duration(ms) * time.Millisecond
	}
	if e.msg == "" {
		e.msg = "the peer reported an error without a text"
	}
	return e
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
// goes on.
func FromContext(ctx context.Context, what string) *Error {
	err := context.Cause(ctx)
	if ctx.Err() == nil {
		return nil
	}
	return Errorf(CodeOf(ctx.Err()), "%s: %w", what, err)
}
