// SPDX-License-Identifier: Apache-2.0

// Package json is the JSON codec: serialize type 1. The bytes are those of
// [encoding/json], with <, > and & escaped.
//
// As in rpcx, numbers decoded into an any stay text ([encoding/json.Number]), so
// that 64-bit integers survive, and only the first value of a payload counts.
package json

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// Codec is the JSON codec. The zero value is ready for use.
type Codec struct{}

var _ codec.Codec = Codec{}

// ID returns [protocol.JSON].
func (Codec) ID() protocol.SerializeType { return protocol.JSON }

// Name returns "json".
func (Codec) Name() string { return "json" }

// Append appends the JSON text of v, without a newline.
func (Codec) Append(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.out.b = dst
	err := e.Encode(v)
	out := e.out.b
	e.out.b = nil
	encoders.Put(e)
	if err != nil {
		return dst, wrap(err)
	}
	return out[:len(out)-1], nil // Encode ends every value with a newline
}

// Unmarshal decodes the first JSON value of data into v. Values nested deeper than
// [codec.MaxDepth] are an error.
func (Codec) Unmarshal(data []byte, v any) error {
	if err := checkDepth(data, codec.MaxDepth); err != nil {
		return err
	}
	d := decoders.Get().(*decoder)
	start := d.InputOffset()
	d.in.b = data
	err := d.Decode(v)
	d.in.b = nil
	if err != nil {
		var syntax *json.SyntaxError
		if d.InputOffset() == start && errors.As(err, &syntax) {
			syntax.Offset -= start // the decoder counts from its first payload
		}
		return wrap(err)
	}
	// A decoder that has seen an error or holds bytes after the value cannot serve
	// again, and one that holds a large buffer should not stay.
	if d.InputOffset()-start == int64(len(data)) && len(data) <= maxKept {
		decoders.Put(d)
	}
	return nil
}

// maxKept is how long a payload may be in bytes for its decoder to be kept.
const maxKept = 64 << 10

// wrap adds the package's name where encoding/json has not. No error matches
// io.EOF, which would look like the end of a connection.
func wrap(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if strings.HasPrefix(err.Error(), "json: ") {
		return err
	}
	return fmt.Errorf("json: %w", err)
}

// The pools hold encoders and decoders with the ends of their streams.
var (
	encoders = sync.Pool{New: func() any {
		e := new(encoder)
		e.Encoder = json.NewEncoder(&e.out)
		return e
	}}
	decoders = sync.Pool{New: func() any {
		d := new(decoder)
		d.Decoder = json.NewDecoder(&d.in)
		d.UseNumber()
		return d
	}}
)

type encoder struct {
	*json.Encoder
	out appender
}

type decoder struct {
	*json.Decoder
	in source
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

type source struct{ b []byte }

func (s *source) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.b)
	s.b = s.b[n:]
	return n, nil
}
