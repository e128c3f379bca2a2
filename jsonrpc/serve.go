// SPDX-License-Identifier: Apache-2.0

package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// session is what the requests of one body have in common.
type session struct {
	calls   Dispatcher
	ctx     context.Context //nolint:containedctx // of the HTTP request
	peer    rpcx.Peer
	md      rpcx.Metadata
	lenient bool // the version may be missing
}

// serve serves one request. There is no answer to a notification.
func (s *session) serve(text []byte) (*response, rpcx.Metadata) {
	r, refused := parse(text, s.lenient)
	if refused != nil {
		return refused, rpcx.Metadata{}
	}
	result, md, err := s.call(r)
	switch {
	case r.notification():
		return nil, md
	case err != nil:
		return failed(r.ID, codeOf(err), err), md
	default:
		return &response{Version: "2.0", Result: result, ID: r.ID}, md
	}
}

func (s *session) call(r *request) (json.RawMessage, rpcx.Metadata, error) {
	service, method, ok := split(*r.Method)
	if !ok {
		return nil, rpcx.Metadata{}, rpcx.Errorf(rpcx.Unimplemented, "must contains servicepath and method")
	}
	params := r.Params
	switch {
	case len(params) == 0:
		params = json.RawMessage("{}")
	case string(params) == "null":
		return nil, rpcx.Metadata{}, rpcx.Errorf(rpcx.InvalidArgument, "params is null, want an object, or none")
	}
	m := &protocol.Message{Service: service, Method: method, Metadata: s.md, Payload: params}
	m.Serialize, m.Oneway = protocol.JSON, r.notification()
	reply, err := s.dispatch(m)
	switch {
	case err != nil:
		return nil, reply.Metadata, err
	case !m.Oneway && !json.Valid(reply.Payload): // of a raw handler
		return nil, reply.Metadata, rpcx.Errorf(rpcx.Internal, "reply of %s.%s is not JSON", service, method)
	}
	return reply.Payload, reply.Metadata, nil
}

// serveBatch serves a list of requests, some at a time. It returns what to answer: a list
// in their order, a single error, or nil if there is nothing to say.
func (s *session) serveBatch(body []byte) any {
	batch, err := cut(body)
	if err != nil {
		return failed(nil, parseError, err)
	}
	if len(batch) == 0 || len(batch) > MaxBatch {
		return invalid(nil, "batch of no requests or more than %d", MaxBatch)
	}
	answers := make([]*response, len(batch))
	places := make(chan struct{}, parallel)
	var workers sync.WaitGroup
	var failure panicked
	for i, text := range batch {
		places <- struct{}{}
		workers.Go(func() {
			defer func() { <-places }()
			defer failure.catch()
			answers[i], _ = s.serve(text)
		})
	}
	workers.Wait()
	failure.rethrow()
	answers = slices.DeleteFunc(answers, func(a *response) bool { return a == nil })
	if len(answers) == 0 {
		return nil
	}
	return answers
}

// panicked is the first panic of some goroutines, for the one that waits for them: package
// http recovers from panics there, and nobody does elsewhere.
type panicked struct {
	once  sync.Once
	cause any
}

// catch is to be deferred.
func (p *panicked) catch() {
	if r := recover(); r != nil {
		if r != http.ErrAbortHandler { //nolint:errorlint // any value may be thrown
			r = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
		}
		p.once.Do(func() { p.cause = r })
	}
}

// rethrow panics if a goroutine has.
func (p *panicked) rethrow() {
	if p.cause != nil {
		panic(p.cause) //nolint:forbidigo // it is the caller's own
	}
}

// cut returns the members of a list, of a long one only so many as to tell.
func cut(list []byte) (members []json.RawMessage, err error) {
	if !json.Valid(list) {
		return nil, json.Unmarshal(list, new(any))
	}
	d := json.NewDecoder(bytes.NewReader(list))
	_, err = d.Token()
	for err == nil && d.More() && len(members) <= MaxBatch {
		var m json.RawMessage
		err = d.Decode(&m)
		members = append(members, m)
	}
	return members, err
}
