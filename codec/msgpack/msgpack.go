// SPDX-License-Identifier: Apache-2.0

// Package msgpack is the MessagePack codec: serialize type 3, what rpcx clients use
// unless told otherwise.
//
// A type with the methods that tinylib/msgp generates encodes and decodes itself.
// Everything else goes through vmihailenco/msgpack v5 with its default options,
// whose choices are the wire format of a fleet: structs are maps keyed by the Go
// field names or msgpack tags (json tags are ignored), sized integers keep their
// full width, int and uint take the smallest form.
//
// Before anything is decoded, the whole value is walked over without recursion and
// without allocation: nesting over [codec.MaxDepth] and lengths that the payload
// does not hold are errors. Bytes after the first value are ignored, as in rpcx.
package msgpack

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// Codec is the MessagePack codec. The zero value is ready for use.
type Codec struct{}

var _ codec.Codec = Codec{}

// ID returns [protocol.MsgPack].
func (Codec) ID() protocol.SerializeType { return protocol.MsgPack }

// Name returns "msgpack".
func (Codec) Name() string { return "msgpack" }

// What tinylib/msgp generates.
type (
	marshaler   interface{ MarshalMsg([]byte) ([]byte, error) }
	unmarshaler interface{ UnmarshalMsg([]byte) ([]byte, error) }
)

// Append appends the MessagePack encoding of v. Nil is encoded as nil.
func (Codec) Append(dst []byte, v any) (out []byte, err error) {
	defer contain(&err)
	out = dst // also after a panic
	if m, ok := v.(marshaler); ok {
		longer, err := m.MarshalMsg(dst)
		if err != nil {
			return dst, wrap(err)
		}
		return longer, nil
	}
	e := encoders.Get().(*encoder)
	e.out.b = dst
	e.Reset(&e.out)
	err = e.Encode(v)
	longer := e.out.b
	e.out.b = nil
	encoders.Put(e)
	if err != nil {
		return dst, wrap(err)
	}
	return longer, nil
}

// Unmarshal decodes the first value of data into v.
func (Codec) Unmarshal(data []byte, v any) (err error) {
	defer contain(&err)
	s := scanner{data: data}
	end, err := s.first()
	if err != nil {
		return err
	}
	data = data[:end:end]
	if m, ok := v.(unmarshaler); ok {
		if _, err := m.UnmarshalMsg(data); err != nil {
			return wrap(err)
		}
		return nil
	}
	d := decoders.Get().(*decoder)
	d.in = reader{data: data, blocks: s.blocks}
	d.Reset(&d.in)
	err = d.Decode(v)
	d.in = reader{}
	if err != nil {
		return wrap(err) // the decoder may be left in the middle of a recording
	}
	if len(data) <= maxKept {
		decoders.Put(d)
	}
	return nil
}

// maxKept is how long a payload may be in bytes for its decoder, whose scratch
// buffer holds the longest string seen, to be kept.
const maxKept = 64 << 10

// contain turns a panic into an error. The library has some that a peer can reach
// (nil for a time.Time, a list as the key of a map, a value for an interface with
// methods) and some for values that it cannot encode (a uintptr).
func contain(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("msgpack: value does not fit its type: %v", r)
	}
}

// wrap adds the package's name where the library has not. No error matches io.EOF,
// which would look like the end of a connection.
func wrap(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if strings.HasPrefix(err.Error(), "msgpack: ") {
		return err
	}
	return fmt.Errorf("msgpack: %w", err)
}

// The pools hold encoders and decoders with the ends of their streams.
var (
	encoders = sync.Pool{New: func() any { return &encoder{Encoder: msgpack.NewEncoder(nil)} }}
	decoders = sync.Pool{New: func() any { return &decoder{Decoder: msgpack.NewDecoder(nil)} }}
)

type encoder struct {
	*msgpack.Encoder
	out appender
}

type decoder struct {
	*msgpack.Decoder
	in reader
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

func (a *appender) WriteByte(c byte) error {
	a.b = append(a.b, c)
	return nil
}
