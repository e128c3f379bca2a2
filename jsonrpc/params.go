// SPDX-License-Identifier: Apache-2.0

package jsonrpc

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// dispatch makes a call. Some clients put what a method takes into a list of one, as is the
// custom where arguments go by position. Only who decodes it knows whether the method takes a
// list: when it has refused one, and nothing has run, its only element is tried.
func (s *session) dispatch(m *protocol.Message) (*protocol.Message, error) {
	reply, err := s.calls.Dispatch(s.ctx, s.peer, m)
	if !bytes.HasPrefix(m.Payload, []byte("[")) || !misfit(err) {
		return reply, err
	}
	if only := sole(m.Payload); only != nil {
		again := *m
		again.Payload = only
		if reply, err := s.calls.Dispatch(s.ctx, s.peer, &again); !misfit(err) {
			return reply, err
		}
	}
	return reply, rpcx.Errorf(rpcx.InvalidArgument, "params must be an object, unless %s.%s takes a list: %w",
		m.Service, m.Method, err).NotExecuted()
}

// misfit reports whether a call failed because its arguments are of another form than the
// method's. What a service finds wrong with them has run, or has details.
func misfit(err error) bool {
	var e *rpcx.Error
	return errors.As(err, &e) && e.Code() == rpcx.InvalidArgument && e.Details() == nil && rpcx.SafeToRetry(err)
}

// sole returns the element of a list that has one only, else nil.
func sole(list json.RawMessage) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(list))
	var only json.RawMessage
	if _, err := d.Token(); err != nil || !d.More() || d.Decode(&only) != nil || d.More() {
		return nil
	}
	return only
}
