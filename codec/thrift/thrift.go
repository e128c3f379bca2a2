// SPDX-License-Identifier: Apache-2.0

// Package thrift is the Apache Thrift codec: serialize type 4. A payload is a struct
// in the binary protocol, fields and stop byte, without a message around it and
// without framing.
//
// Values are pointers to structs that the Thrift compiler generates, of any version
// whose code takes a context. They are not reset before they are decoded, so that
// default values stay.
//
// Generated code recurses without a limit, allocates what a length says, and does not
// look at the element types that a payload declares, which is why no check beforehand
// can tell what it will do. So it is checked as it goes: structs nested deeper than
// [codec.MaxDepth], and lengths that the payload does not hold, end the decoding.
//
// The package is a module of its own. Pass the codec to a client or a server to use it.
package thrift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// Codec is the Thrift codec. The zero value is ready for use.
type Codec struct{}

var _ codec.Codec = Codec{}

// ID returns [protocol.Thrift].
func (Codec) ID() protocol.SerializeType { return protocol.Thrift }

// Name returns "thrift".
func (Codec) Name() string { return "thrift" }

// Append appends the struct that v points to.
func (Codec) Append(dst []byte, v any) ([]byte, error) {
	m, err := structOf(v)
	if err != nil {
		return dst, err
	}
	out := outputs.Get().(*output)
	out.memory.b = dst
	err = m.Write(context.Background(), out)
	longer := out.memory.b
	out.memory.b = nil
	outputs.Put(out)
	if err != nil {
		return dst, wrap(err)
	}
	return longer, nil
}

// Unmarshal decodes data into the struct that v points to. Bytes after the struct are
// ignored, as in rpcx.
func (Codec) Unmarshal(data []byte, v any) error {
	m, err := structOf(v)
	if err != nil {
		return err
	}
	in := inputs.Get().(*input)
	in.reset(data)
	err = m.Read(context.Background(), in)
	violation := in.violation
	in.reset(nil)
	inputs.Put(in)
	switch {
	case violation != nil:
		return violation // and not what the levels above have said about it
	case err != nil:
		return wrap(err)
	}
	return nil
}

func structOf(v any) (thrift.TStruct, error) {
	m, ok := v.(thrift.TStruct)
	if !ok {
		return nil, fmt.Errorf("thrift: %T is not a pointer to a generated struct", v)
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
		return nil, fmt.Errorf("thrift: nil %T", v)
	}
	return m, nil
}

// maxText is how long the text of an error may be in bytes. Generated code adds to it
// on each level, and it is sent to the peer.
const maxText = 1 << 10

// wrap names the package. No error matches io.EOF, which would look like the end of a
// connection.
func wrap(err error) error {
	text := err.Error()
	if len(text) > maxText {
		text = "..." + text[len(text)-maxText:] // the cause is at the end
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("thrift: %s: %w", text, io.ErrUnexpectedEOF)
	case len(text) > maxText:
		return errors.New("thrift: " + text)
	}
	return fmt.Errorf("thrift: %w", err)
}

// The pools hold protocols with the transports under them.
var (
	inputs  = sync.Pool{New: func() any { return newInput() }}
	outputs = sync.Pool{New: func() any { return newOutput() }}
)
