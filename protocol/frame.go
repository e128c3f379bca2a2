// SPDX-License-Identifier: Apache-2.0

package protocol

import "encoding/binary"

// Frame is one decoded frame as it lies in a buffer: the slices point into the
// bytes that were parsed and live as long as those do. Metadata is the encoded
// block; it has been checked. Payload is as it came, compressed or not.
type Frame struct {
	Header
	Service, Method, Metadata, Payload []byte
}

// FrameSize returns the length of the frame that starts at b, or 0 when more
// bytes are needed to know. It refuses a wrong magic byte and a length outside
// the limits as soon as the bytes that show it are there. lim must come from
// WithDefaults.
func FrameSize(b []byte, lim *Limits) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if b[0] != Magic {
		return 0, malformed("first byte is %#02x, want %#02x", b[0], Magic)
	}
	if len(b) < HeaderSize {
		return 0, nil
	}
	total := binary.BigEndian.Uint32(b[12:])
	if total < minBody {
		return 0, malformed("total length of %d, the smallest is %d", total, minBody)
	}
	if uint64(total) > uint64(lim.Frame) {
		return 0, tooLarge("total length", uint64(total), uint64(lim.Frame))
	}
	return HeaderSize + int(total), nil
}

// Parse decodes b, which must hold exactly one frame, into f. Every byte is
// accounted for: a field that runs past the end, or bytes left over after the
// payload, are errors. lim must come from WithDefaults.
func (f *Frame) Parse(b []byte, lim *Limits) error {
	size, err := FrameSize(b, lim)
	if err != nil {
		return err
	}
	if size == 0 || size != len(b) {
		return malformed("%d bytes for a frame of %d", len(b), size)
	}
	f.get(b)
	c := cursor{b: b[HeaderSize:]}
	var ok bool
	if f.Service, ok = c.field(); !ok {
		return malformed("service name runs past the frame")
	}
	if f.Method, ok = c.field(); !ok {
		return malformed("method name runs past the frame")
	}
	if f.Metadata, ok = c.field(); !ok {
		return malformed("metadata runs past the frame")
	}
	if f.Payload, ok = c.field(); !ok {
		return malformed("payload runs past the frame")
	}
	if len(c.b) != 0 {
		return malformed("%d bytes left over after the payload", len(c.b))
	}
	return checkParts(f.Service, f.Method, f.Metadata, lim)
}

// checkParts holds the parts of a frame against the limits.
func checkParts(service, method, metadata []byte, lim *Limits) error {
	if len(service) > lim.Name {
		return tooLarge("service name", uint64(len(service)), uint64(lim.Name))
	}
	if len(method) > lim.Name {
		return tooLarge("method name", uint64(len(method)), uint64(lim.Name))
	}
	if len(metadata) == 0 {
		return nil
	}
	if len(metadata) > lim.Metadata {
		return tooLarge("metadata block", uint64(len(metadata)), uint64(lim.Metadata))
	}
	pairs, err := countPairs(metadata)
	if err != nil {
		return err
	}
	if pairs > lim.Pairs {
		return tooLarge("number of metadata pairs", uint64(pairs), uint64(lim.Pairs))
	}
	return nil
}

// CopyMetadata returns the metadata of a frame that was parsed.
func (f *Frame) CopyMetadata() Metadata { return Metadata{block: string(f.Metadata)} }

// Message returns a copy of f that shares no memory with the buffer.
func (f *Frame) Message() *Message {
	return &Message{
		Header:   f.Header,
		Service:  string(f.Service),
		Method:   string(f.Method),
		Metadata: f.CopyMetadata(),
		Payload:  append([]byte(nil), f.Payload...),
	}
}
