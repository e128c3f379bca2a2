// SPDX-License-Identifier: Apache-2.0

package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
)

// The codes of the specification.
const (
	parseError     = -32700
	invalidRequest = -32600
	methodNotFound = -32601
	invalidParams  = -32602
	internalError  = -32603
	// serverError is what the others are counted from, down: the specification leaves
	// -32099 to -32000 to servers.
	serverError = -32000
)

// request is one request. What is not there is nil.
type request struct {
	Version *string
	Method  *string
	Params  json.RawMessage
	ID      json.RawMessage
}

// read reads the members, whose names are exact. Which of two with the same name is meant
// cannot be known, and others on the way may think otherwise: that is no request.
func (r *request) read(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("want an object")
	}
	seen := make(map[string]bool, 4) // of ours
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		member, _ := name.(string)
		var to any
		switch member {
		case "jsonrpc":
			to = &r.Version
		case "method":
			to = &r.Method
		case "params":
			to = &r.Params
		case "id":
			to = &r.ID
		default:
			member, to = "", new(json.RawMessage)
		}
		if member != "" && seen[member] {
			return fmt.Errorf("member %q is there twice", member)
		}
		seen[member] = true
		if err := d.Decode(to); err != nil { // of valid JSON: it is not what to is
			return fmt.Errorf("member %q must be a string", member)
		}
	}
	return nil
}

// notification reports whether nobody waits for an answer.
func (r *request) notification() bool { return r.ID == nil }

// response is one answer: a result or an error.
type response struct {
	Version string          `json:"jsonrpc"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
	ID      json.RawMessage `json:"id"` // nil is null
}

type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"` // *facts; one that is nil is null, and nil is not there
}

// facts is what an rpcx.Error says to programs.
type facts struct {
	Code       string            `json:"code"`
	Details    map[string]string `json:"details,omitempty"`
	RetryAfter int               `json:"retry_after,omitempty"` // seconds
}

// pause returns how many seconds the client is asked to wait, 0 if it is not.
func (r *response) pause() int {
	if r.Error == nil {
		return 0
	}
	f, ok := r.Error.Data.(*facts)
	if !ok || f == nil {
		return 0
	}
	return f.RetryAfter
}

// likeRPCX gives errors without data one that is null, as rpcx does.
func likeRPCX(answers ...*response) {
	for _, r := range answers {
		if r.Error != nil && r.Error.Data == nil {
			r.Error.Data = (*facts)(nil)
		}
	}
}

// parse reads one request and checks its form. Where it fails, the answer says why.
func parse(text []byte, lenient bool) (*request, *response) {
	if !json.Valid(text) {
		return nil, failed(nil, parseError, json.Unmarshal(text, new(any)))
	}
	r := new(request)
	if err := r.read(text); err != nil {
		return nil, invalid(nil, "not a request: %v", err)
	}
	if !validID(r.ID) {
		return nil, invalid(nil, "id must be a whole number or a string of at most %d bytes", maxID)
	}
	switch {
	case r.Version == nil && !lenient:
		return nil, invalid(r.ID, `member "jsonrpc" is missing`)
	case r.Version != nil && *r.Version != "2.0":
		return nil, invalid(r.ID, "invalid RPC version %s", *r.Version)
	case r.Method == nil:
		return nil, invalid(r.ID, `member "method" is missing`)
	}
	return r, nil
}

// maxID is the longest id that is sent back.
const maxID = 256

// validID reports whether an id may be sent back. It is valid JSON, or not there.
func validID(id json.RawMessage) bool {
	switch {
	case len(id) == 0, string(id) == "null":
		return true
	case len(id) > maxID:
		return false
	case id[0] == '"':
		return true
	default:
		return len(bytes.Trim(id, "-0123456789")) == 0
	}
}

// split takes a method at its last dot.
func split(name string) (service, method string, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || dot == len(name)-1 {
		return "", "", false
	}
	return name[:dot], name[dot+1:], true
}

func invalid(id json.RawMessage, format string, args ...any) *response {
	return failed(id, invalidRequest, rpcx.Errorf(rpcx.InvalidArgument, format, args...))
}

// failed is the answer to a request that failed.
func failed(id json.RawMessage, code int, err error) *response {
	f := &failure{Code: code, Message: err.Error()}
	var e *rpcx.Error
	if errors.As(err, &e) && (code != internalError || e.Code() != rpcx.Unknown || e.Details() != nil || e.Pause() > 0) {
		f.Data = &facts{Code: httpcall.CodeName(e), Details: e.Details(), RetryAfter: httpcall.RetryAfter(e)}
	}
	return &response{Version: "2.0", Error: f, ID: id}
}

// codeOf returns the code of the error of a call. Errors of services that say nothing of
// their kind are internal ones, as in rpcx.
func codeOf(err error) int {
	switch code := rpcx.CodeOf(err); code {
	case rpcx.Unimplemented:
		return methodNotFound
	case rpcx.InvalidArgument:
		return invalidParams
	case rpcx.Unknown, rpcx.Internal:
		return internalError
	default:
		if code > -(serverErrorEnd - serverError) {
			return internalError
		}
		return serverError - int(code)
	}
}

// serverErrorEnd is the last code that the specification leaves to servers.
const serverErrorEnd = -32099

// encode returns an answer as JSON, with the text of results as it is.
func encode(answer any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		b.Reset()
		_ = e.Encode(failed(nil, internalError, err)) // strings, which always can be
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
