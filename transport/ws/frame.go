// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"encoding/binary"
	"fmt"
)

// Kinds of frames, RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// Sizes of a frame, in bytes.
const (
	maxHeader  = 14  // two bytes, a length of eight, a mask
	maxControl = 125 // payload of a ping, a pong or a close
)

// header is what stands before the payload of a frame.
type header struct {
	op     byte
	final  bool // the last one of its message
	masked bool
	mask   mask
	length int64 // of the payload
}

// appendTo appends the header's bytes.
func (h *header) appendTo(b []byte) []byte {
	first, second := h.op, byte(0)
	if h.final {
		first |= 0x80
	}
	if h.masked {
		second = 0x80
	}
	switch {
	case h.length <= maxControl:
		b = append(b, first, second|byte(h.length))
	case h.length <= 0xffff:
		b = append(b, first, second|126)
		b = binary.BigEndian.AppendUint16(b, uint16(h.length)) //nolint:gosec // checked above
	default:
		b = append(b, first, second|127)
		b = binary.BigEndian.AppendUint64(b, uint64(h.length)) //nolint:gosec // not negative
	}
	if h.masked {
		b = append(b, h.mask.key[:]...)
	}
	return b
}

// headerSize returns how long the header is that begins with b, of two bytes.
func headerSize(b []byte) int {
	n := 2
	switch b[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// parseHeader reads the header in b, which has its headerSize.
func parseHeader(b []byte) (header, error) {
	h := header{
		op:     b[0] & 0xf,
		final:  b[0]&0x80 != 0,
		masked: b[1]&0x80 != 0,
		length: int64(b[1] & 0x7f),
	}
	if b[0]&0x70 != 0 {
		return h, violation("reserved bits are set")
	}
	switch h.length {
	case 126:
		h.length = int64(binary.BigEndian.Uint16(b[2:]))
		if h.length <= maxControl {
			return h, violation("a length is written longer than needed")
		}
	case 127:
		n := binary.BigEndian.Uint64(b[2:])
		if n <= 0xffff || n>>63 != 0 {
			return h, violation("a length is out of its range")
		}
		h.length = int64(n) //nolint:gosec // checked above
	}
	if h.masked {
		copy(h.mask.key[:], b[len(b)-4:])
	}
	switch h.op {
	case opContinuation, opText, opBinary:
		return h, nil
	case opClose, opPing, opPong:
		if !h.final || h.length > maxControl {
			return h, violation("a control frame is long or in parts")
		}
		return h, nil
	default:
		return h, violation(fmt.Sprintf("frame of the unknown kind %d", h.op))
	}
}

// Codes of a close frame, RFC 6455 section 7.4.1.
const (
	closeNormal    = 1000
	closeGoingAway = 1001
	closeProtocol  = 1002
	closeNone      = 1005 // stands for a frame without a code, never sent
)

// CloseError is what Read returns when the other side has closed the connection for
// another reason than that it was done.
type CloseError struct {
	Code   int    // as in RFC 6455 section 7.4: 1002 for a protocol error, for instance
	Reason string // as the other side gives it
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("ws: closed by the peer with code %d: %q", e.Code, e.Reason)
}

// violation is a peer that does not keep to the protocol.
type violation string

func (v violation) Error() string { return "ws: " + string(v) }
