// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"encoding/binary"
	"math"
)

// Message is one frame as plain data that owns its memory: what raw calls, pushes
// and tools work with. Payload is as it stands on the wire, so compressed when
// Compress says so.
type Message struct {
	Header
	Service, Method string
	Metadata        Metadata
	Payload         []byte
}

// AppendBinary appends the encoded frame to dst.
func (m *Message) AppendBinary(dst []byte) ([]byte, error) {
	start := len(dst)
	dst, mark := AppendHead(dst, &m.Header, m.Service, m.Method)
	dst = append(dst, m.Metadata.block...)
	dst = mark.EndMetadata(dst)
	dst = append(dst, m.Payload...)
	if err := mark.Finish(dst); err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// Mark remembers where a frame that is being appended has its length fields.
type Mark struct {
	start   int // of the frame
	meta    int // of the metadata's first byte
	payload int // of the payload's first byte, once EndMetadata was called
}

// AppendHead starts a frame at the end of dst: header and names. The caller then
// appends encoded pairs (AppendPair), calls EndMetadata, appends the payload and
// calls Finish. That way a frame is encoded once, straight into its outgoing
// buffer, whatever the length of its parts.
//
// Limits are not looked at: see Check.
func AppendHead(dst []byte, h *Header, service, method string) ([]byte, Mark) {
	mark := Mark{start: len(dst)}
	var fixed [HeaderSize]byte
	h.put(fixed[:])
	dst = append(dst, fixed[:]...)
	dst = appendUint32(dst, len(service))
	dst = append(dst, service...)
	dst = appendUint32(dst, len(method))
	dst = append(dst, method...)
	dst = append(dst, 0, 0, 0, 0)
	mark.meta = len(dst)
	return dst, mark
}

// EndMetadata fills in the length of the metadata that was appended, and makes
// room for the payload's length.
func (k *Mark) EndMetadata(dst []byte) []byte {
	binary.BigEndian.PutUint32(dst[k.meta-4:], uint32(len(dst)-k.meta))
	k.payload = len(dst) + 4
	return append(dst, 0, 0, 0, 0)
}

// PayloadStart returns where in the buffer the payload begins.
func (k *Mark) PayloadStart() int { return k.payload }

// SetCompress changes the compression that the header of the frame names.
func (k *Mark) SetCompress(dst []byte, t CompressType) {
	dst[k.start+2] = dst[k.start+2]&^0x1c | uint8(t&7)<<2
}

// Finish fills in the payload's length and the total length. It fails, and the
// caller must drop the frame, when a length does not fit its 32 bits.
func (k *Mark) Finish(dst []byte) error {
	total := len(dst) - k.start - HeaderSize
	if uint64(total) > math.MaxUint32 {
		return tooLarge("total length", uint64(total), math.MaxUint32)
	}
	binary.BigEndian.PutUint32(dst[k.payload-4:], uint32(len(dst)-k.payload))
	binary.BigEndian.PutUint32(dst[k.start+12:], uint32(total))
	return nil
}

// Check holds a finished frame against limits, as Frame.Parse of a peer that has the same ones
// would: such a peer closes the connection over a frame that does not pass. lim must come from
// WithDefaults.
func (k *Mark) Check(dst []byte, lim *Limits) error {
	if _, err := FrameSize(dst[k.start:], lim); err != nil {
		return err
	}
	c := cursor{b: dst[k.start+HeaderSize : k.meta-4]}
	service, _ := c.field()
	method, _ := c.field()
	return checkParts(service, method, dst[k.meta:k.payload-4], lim)
}
