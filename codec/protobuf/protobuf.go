// SPDX-License-Identifier: Apache-2.0

// Package protobuf is the Protocol Buffers codec: serialize type 2.
//
// Values are pointers to messages of any generation, told apart by their methods
// alone: those of vtprotobuf, of google.golang.org/protobuf, of gogo/protobuf, and
// of the old github.com/golang/protobuf. The bytes are the same for all. Messages
// are reset before they are decoded.
//
// Google's runtime limits how deeply messages may be nested and is told
// [codec.MaxDepth]. Generated code that decodes itself recurses without a limit; what
// it gets is checked beforehand.
package protobuf

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// Codec is the Protocol Buffers codec. The zero value is ready for use.
type Codec struct{}

var _ codec.Codec = Codec{}

// ID returns [protocol.ProtoBuffer].
func (Codec) ID() protocol.SerializeType { return protocol.ProtoBuffer }

// Name returns "protobuf".
func (Codec) Name() string { return "protobuf" }

// What generated code offers beside or instead of protobuf reflection.
type (
	vtMarshaler interface {
		SizeVT() int
		MarshalToSizedBufferVT([]byte) (int, error) // fills it from its end
	}
	sizedMarshaler interface {
		Size() int
		MarshalToSizedBuffer([]byte) (int, error) // fills it from its end
	}
	toMarshaler interface {
		Size() int
		MarshalTo([]byte) (int, error)
	}
	marshaler     interface{ Marshal() ([]byte, error) }
	vtUnmarshaler interface{ UnmarshalVT([]byte) error }
	unmarshaler   interface{ Unmarshal([]byte) error }
)

// Append appends the wire format of the message that v points to. Code that can
// write into a buffer of the right size does so within dst.
func (Codec) Append(dst []byte, v any) ([]byte, error) {
	if isNil(v) {
		return dst, fmt.Errorf("protobuf: cannot encode a nil %T", v)
	}
	if _, generated := v.(vtMarshaler); !generated {
		if m, ok := v.(proto.Message); ok {
			return appendMessage(dst, m)
		}
	}
	return appendOwn(dst, v)
}

// appendMessage encodes a message with Google's runtime.
func appendMessage(dst []byte, m proto.Message) ([]byte, error) {
	out, err := (proto.MarshalOptions{}).MarshalAppend(dst, m)
	if err != nil {
		return dst, wrap(err)
	}
	return out, nil
}

// appendOwn encodes a value with methods of its own.
func appendOwn(dst []byte, v any) ([]byte, error) {
	var (
		out []byte
		n   int
		err error
	)
	switch m := v.(type) {
	case vtMarshaler:
		out = extend(dst, m.SizeVT())
		n, err = m.MarshalToSizedBufferVT(out[len(dst):])
	case sizedMarshaler:
		out = extend(dst, m.Size())
		n, err = m.MarshalToSizedBuffer(out[len(dst):])
	case toMarshaler:
		out = extend(dst, m.Size())
		n, err = m.MarshalTo(out[len(dst):])
	case marshaler:
		data, err := m.Marshal()
		if err != nil {
			return dst, wrap(err)
		}
		return append(dst, data...), nil
	case protoadapt.MessageV1:
		return Codec{}.Append(dst, protoadapt.MessageV2Of(m))
	default:
		return dst, fmt.Errorf("protobuf: cannot encode %T: not a pointer to a message", v)
	}
	if err != nil {
		return dst, wrap(err)
	}
	if n != len(out)-len(dst) {
		return dst, fmt.Errorf("protobuf: %T was %d bytes and then %d: was it changed meanwhile?", v, len(out)-len(dst), n)
	}
	return out, nil
}

// Unmarshal resets the message that v points to and decodes data into it.
func (Codec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if _, generated := v.(vtUnmarshaler); generated || !ok || isNil(v) {
		return unmarshalOwn(data, v)
	}
	return wrap(proto.UnmarshalOptions{RecursionLimit: codec.MaxDepth}.Unmarshal(data, m))
}

// unmarshalOwn decodes into a value with methods of its own.
func unmarshalOwn(data []byte, v any) error {
	if isNil(v) {
		return fmt.Errorf("protobuf: cannot decode into a nil %T", v)
	}
	switch m := v.(type) {
	case vtUnmarshaler:
		if err := prepare(data, v); err != nil {
			return err
		}
		return wrap(m.UnmarshalVT(data))
	case unmarshaler:
		if err := prepare(data, v); err != nil {
			return err
		}
		return wrap(m.Unmarshal(data))
	case protoadapt.MessageV1:
		return Codec{}.Unmarshal(data, protoadapt.MessageV2Of(m))
	default:
		return fmt.Errorf("protobuf: cannot decode into %T: not a pointer to a message", v)
	}
}

// prepare does for a message that decodes itself what a runtime would do before.
func prepare(data []byte, v any) error {
	if err := checkDepth(data, codec.MaxDepth); err != nil {
		return err
	}
	if m, ok := v.(interface{ Reset() }); ok {
		m.Reset()
	}
	return nil
}

// extend returns dst longer by n bytes.
func extend(dst []byte, n int) []byte {
	return slices.Grow(dst, n)[:len(dst)+n]
}

func isNil(v any) bool {
	p := reflect.ValueOf(v)
	return !p.IsValid() || p.Kind() == reflect.Pointer && p.IsNil()
}

// wrap names the package. No error matches io.EOF, which would look like the end of a
// connection.
func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("protobuf: %w", err)
}
