// SPDX-License-Identifier: Apache-2.0

package thrift

import (
	"context"
	"io"

	"github.com/apache/thrift/lib/go/thrift"
)

// memory is a transport that reads from a slice or appends to one.
type memory struct {
	b   []byte
	pos int // of the next byte to read
}

var (
	_ thrift.TTransport     = (*memory)(nil)
	_ thrift.TRichTransport = (*memory)(nil)
)

func (m *memory) Read(p []byte) (int, error) {
	n := copy(p, m.b[m.pos:])
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	m.pos += n
	return n, nil
}

func (m *memory) ReadByte() (byte, error) {
	if m.pos == len(m.b) {
		return 0, io.EOF
	}
	m.pos++
	return m.b[m.pos-1], nil
}

// RemainingBytes is what the protocol holds the sizes of containers against.
func (m *memory) RemainingBytes() uint64 { return uint64(len(m.b) - m.pos) }

func (m *memory) Write(p []byte) (int, error) {
	m.b = append(m.b, p...)
	return len(p), nil
}

func (m *memory) WriteByte(c byte) error {
	m.b = append(m.b, c)
	return nil
}

func (m *memory) WriteString(s string) (int, error) {
	m.b = append(m.b, s...)
	return len(s), nil
}

func (*memory) Open() error                 { return nil }
func (*memory) IsOpen() bool                { return true }
func (*memory) Close() error                { return nil }
func (*memory) Flush(context.Context) error { return nil }
