// SPDX-License-Identifier: Apache-2.0

package thrift

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/rpcx-go/rpcx/codec"
)

// output is the binary protocol onto a slice.
type output struct {
	*thrift.TBinaryProtocol
	memory memory
}

func newOutput() *output {
	out := new(output)
	out.TBinaryProtocol = thrift.NewTBinaryProtocolConf(&out.memory, &thrift.TConfiguration{})
	return out
}

// input is the binary protocol from a slice, with limits.
type input struct {
	*thrift.TBinaryProtocol
	memory    memory
	conf      thrift.TConfiguration
	depth     int   // structs that are being read
	elements  int   // of containers, that may still be announced
	violation error // of a limit
}

func newInput() *input {
	in := new(input)
	in.TBinaryProtocol = thrift.NewTBinaryProtocolConf(&in.memory, &in.conf)
	return in
}

func (in *input) reset(data []byte) {
	in.memory = memory{b: data}
	in.depth, in.violation = 0, nil
	// Every element of every container takes a byte or more, so together they cannot be
	// more than there are bytes.
	in.elements = len(data)
	in.conf.MaxMessageSize = int32(min(max(len(data), 1), math.MaxInt32)) // 0 means a default
}

func (in *input) ReadStructBegin(ctx context.Context) (string, error) {
	if in.depth++; in.depth > codec.MaxDepth {
		return "", in.refuse("struct nested deeper than %d", codec.MaxDepth)
	}
	return in.TBinaryProtocol.ReadStructBegin(ctx)
}

func (in *input) ReadStructEnd(ctx context.Context) error {
	in.depth--
	return in.TBinaryProtocol.ReadStructEnd(ctx)
}

func (in *input) ReadListBegin(ctx context.Context) (thrift.TType, int, error) {
	element, n, err := in.TBinaryProtocol.ReadListBegin(ctx)
	if err != nil {
		return element, 0, err
	}
	return element, n, in.announce(n)
}

func (in *input) ReadSetBegin(ctx context.Context) (thrift.TType, int, error) {
	element, n, err := in.TBinaryProtocol.ReadSetBegin(ctx)
	if err != nil {
		return element, 0, err
	}
	return element, n, in.announce(n)
}

func (in *input) ReadMapBegin(ctx context.Context) (key, value thrift.TType, n int, err error) {
	key, value, n, err = in.TBinaryProtocol.ReadMapBegin(ctx)
	if err != nil {
		return key, value, 0, err
	}
	return key, value, n, in.announce(2 * n)
}

// announce counts the elements of a container that is about to be read.
func (in *input) announce(n int) error {
	if in.elements -= n; in.elements < 0 {
		return in.refuse("containers announce more elements than the %d bytes hold", len(in.memory.b))
	}
	return nil
}

func (in *input) ReadString(ctx context.Context) (string, error) {
	b, err := in.field(ctx)
	return string(b), err
}

func (in *input) ReadBinary(ctx context.Context) ([]byte, error) {
	b, err := in.field(ctx)
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(b)), b...), nil // never nil: the field was there
}

// field cuts a length and that many bytes off the payload.
func (in *input) field(ctx context.Context) ([]byte, error) {
	size, err := in.ReadI32(ctx)
	if err != nil {
		return nil, err
	}
	m := &in.memory
	if size < 0 || int(size) > len(m.b)-m.pos {
		return nil, in.refuse("length of %d, %d bytes are left", size, len(m.b)-m.pos)
	}
	b := m.b[m.pos : m.pos+int(size)]
	m.pos += int(size)
	return b, nil
}

func (in *input) refuse(format string, args ...any) error {
	in.violation = fmt.Errorf("thrift: "+format, args...)
	return in.violation
}
