// SPDX-License-Identifier: Apache-2.0

// Package zstd is Zstandard, RFC 8878: smaller than gzip at several times its speed.
// Real rpcx has no such method, so it is used between peers that both say they know
// it. It is a module of its own:
//
//	compressors, err := compress.NewSet(gzip.New(), zstd.New())
//
// [Compressor] is safe for concurrent use, starts no goroutines, and reads what any
// zstd program writes with a window of up to 8 MiB and no dictionary: several frames
// in a row, with and without a checksum. It writes checksums.
//
// A fleet that gave number 7 to something else embeds Compressor in a type with
// another ID, the same one on every peer.
package zstd

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// Type is the method's number in a frame's header. In rpcx it is free.
const Type protocol.CompressType = 7

// How far back the two sides look, in bytes. What is written needs little memory from
// its reader; what is read may need what RFC 8878 asks of every decoder.
const (
	encoderWindow = 1 << 20
	decoderWindow = 8 << 20
)

// Compressor is the zstd method. It must be made with New or NewLevel.
type Compressor struct {
	encoders sync.Pool // of *zstd.Encoder
	decoders sync.Pool // of *decoder
}

var _ compress.Compressor = (*Compressor)(nil)

// New returns a compressor of zstd's usual level, 3.
func New() *Compressor { return newCompressor(zstd.SpeedDefault) }

// NewLevel returns a compressor of a level from 1, the fastest, to 22, the smallest,
// or of the nearest one that there is. What it reads does not depend on the level.
// Other levels are errors.
func NewLevel(level int) (*Compressor, error) {
	if level < 1 || level > 22 {
		return nil, fmt.Errorf("zstd: level %d, want 1 to 22", level)
	}
	return newCompressor(zstd.EncoderLevelFromZstd(level)), nil
}

func newCompressor(level zstd.EncoderLevel) *Compressor {
	c := new(Compressor)
	c.encoders.New = func() any {
		e, _ := zstd.NewWriter(nil, // fails for wrong options only
			zstd.WithEncoderLevel(level),
			zstd.WithWindowSize(encoderWindow),
			zstd.WithEncoderConcurrency(1),
			zstd.WithZeroFrames(true))
		return e
	}
	c.decoders.New = func() any {
		r, _ := zstd.NewReader(nil, // fails for wrong options only
			zstd.WithDecoderMaxWindow(decoderWindow),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderConcurrency(1))
		return &decoder{r: r}
	}
	return c
}

// ID returns Type, 7.
func (*Compressor) ID() protocol.CompressType { return Type }

// Name returns "zstd".
func (*Compressor) Name() string { return "zstd" }

// Compress appends src as one zstd frame to dst. It never fails.
func (c *Compressor) Compress(dst, src []byte) ([]byte, error) {
	e := c.encoders.Get().(*zstd.Encoder)
	defer c.encoders.Put(e)
	return e.EncodeAll(src, dst), nil
}

// Decompress appends the content of all frames in src to dst. An error matches
// compress.ErrTooLarge when that is longer than limit bytes and
// io.ErrUnexpectedEOF when src ends too early. Beside the result it takes memory for
// the window that src asks for, 8 MiB at most.
func (c *Compressor) Decompress(dst, src []byte, limit int) ([]byte, error) {
	d := c.decoders.Get().(*decoder)
	defer c.decoders.Put(d)
	out, err := d.decode(dst, src, limit)
	if err != nil {
		return dst, fmt.Errorf("zstd: %w", err)
	}
	return out, nil
}

// decoder is a zstd reader of a slice. It reads as a stream because only a stream
// makes room as contents come; decoding at once would make room for what a header
// claims.
type decoder struct {
	src bytes.Reader
	r   *zstd.Decoder
}

func (d *decoder) decode(dst, src []byte, limit int) ([]byte, error) {
	if len(src) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	d.src.Reset(src)
	defer d.src.Reset(nil)
	if err := d.r.Reset(&d.src); err != nil {
		return nil, err
	}
	defer d.r.Reset(nil) //nolint:errcheck // lets go of the source, cannot fail
	return compress.AppendAll(dst, d.r, limit)
}
