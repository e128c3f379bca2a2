// SPDX-License-Identifier: Apache-2.0

// Package gzip is the compression that every rpcx peer knows: RFC 1952, number 1.
//
//	compressors, err := compress.NewSet(gzip.New())
//
// [Compressor] is safe for concurrent use. It keeps the large state of the method
// between calls, but each call writes to the buffer that its caller gave and to no
// other, and reads whatever any gzip program writes: several members in a row, with
// any header fields. Length and checksum of each are verified.
package gzip

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// Compressor is the gzip method. It must be made with New or NewLevel.
type Compressor struct {
	encoders sync.Pool // of *encoder
	decoders sync.Pool // of *decoder
}

var _ compress.Compressor = (*Compressor)(nil)

// New returns a compressor of the usual level, a balance of speed and size.
func New() *Compressor { return newCompressor(gzip.DefaultCompression) }

// NewLevel returns a compressor of a level from 1, the fastest, to 9, the smallest.
// What it reads does not depend on the level. Other levels are errors.
func NewLevel(level int) (*Compressor, error) {
	if level < gzip.BestSpeed || level > gzip.BestCompression {
		return nil, fmt.Errorf("gzip: level %d, want %d to %d", level, gzip.BestSpeed, gzip.BestCompression)
	}
	return newCompressor(level), nil
}

func newCompressor(level int) *Compressor {
	c := new(Compressor)
	c.encoders.New = func() any {
		w, _ := gzip.NewWriterLevel(nil, level) // fails for a wrong level only
		return &encoder{w: w}
	}
	c.decoders.New = func() any { return new(decoder) }
	return c
}

// ID returns protocol.Gzip, 1.
func (*Compressor) ID() protocol.CompressType { return protocol.Gzip }

// Name returns "gzip".
func (*Compressor) Name() string { return "gzip" }

// Compress appends src as one gzip member to dst. It never fails.
func (c *Compressor) Compress(dst, src []byte) ([]byte, error) {
	e := c.encoders.Get().(*encoder)
	defer c.encoders.Put(e)
	out, err := e.encode(dst, src)
	if err != nil {
		return dst, wrap(err)
	}
	return out, nil
}

// Decompress appends the content of all members in src to dst. An error matches
// compress.ErrTooLarge when that is longer than limit bytes and
// io.ErrUnexpectedEOF when src ends too early.
func (c *Compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	d := c.decoders.Get().(*decoder)
	defer c.decoders.Put(d)
	out, err := d.decode(dst, src, limit)
	if err != nil {
		return dst, wrap(err)
	}
	return out, nil
}

// encoder is a gzip writer that appends to a slice.
type encoder struct {
	w   *gzip.Writer
	out []byte
}

func (e *encoder) encode(dst, src []byte) ([]byte, error) {
	e.out = dst
	defer func() { e.out = nil }()
	e.w.Reset(e)
	if _, err := e.w.Write(src); err != nil {
		return nil, err
	}
	if err := e.w.Close(); err != nil {
		return nil, err
	}
	return e.out, nil
}

// Write appends p to the output.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

// decoder is a gzip reader of a slice.
type decoder struct {
	src bytes.Reader
	r   gzip.Reader
}

func (d *decoder) decode(dst, src []byte, limit int) ([]byte, error) {
	d.src.Reset(src)
	defer d.src.Reset(nil)
	if err := d.r.Reset(&d.src); err != nil {
		return nil, err
	}
	return compress.AppendAll(dst, &d.r, limit)
}

// wrap puts the package's name in front of an error that lacks it. The header that
// is missing altogether is the end of the input too early, as any other cut.
func wrap(err error) error {
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return err // "gzip: ..." already
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("gzip: %w", err)
}
