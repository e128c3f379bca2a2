// SPDX-License-Identifier: Apache-2.0

package protocol

import "strconv"

// Magic is the first byte of every frame.
const Magic byte = 0x08

// HeaderSize is the length in bytes of the fixed part of a frame: everything up
// to and including the total-length field.
const HeaderSize = 16

// minBody is the smallest total length: four length fields and nothing in them.
const minBody = 16

// MessageType says which way a frame travels.
type MessageType uint8

// The two message types.
const (
	Request  MessageType = 0
	Response MessageType = 1
)

// StatusType is the outcome that a response carries.
type StatusType uint8

// The statuses that rpcx uses. 2 and 3 are unused on the wire and read as Normal.
const (
	Normal StatusType = 0
	Error  StatusType = 1
)

// CompressType names the compression of a payload.
type CompressType uint8

// The compressions with a fixed number. 2 to 7 are free for applications.
const (
	None CompressType = 0
	Gzip CompressType = 1
)

// MaxCompressType is the largest number that fits the header's three bits.
const MaxCompressType CompressType = 7

// SerializeType names the encoding of a payload.
type SerializeType uint8

// The encodings with a fixed number. 5 to 15 are free for applications.
const (
	SerializeNone SerializeType = 0 // raw bytes
	JSON          SerializeType = 1
	ProtoBuffer   SerializeType = 2
	MsgPack       SerializeType = 3
	Thrift        SerializeType = 4
)

// MaxSerializeType is the largest number that fits the header's four bits.
const MaxSerializeType SerializeType = 15

// String returns the name of the encoding as flags, logs and metrics show it.
func (t SerializeType) String() string {
	switch t {
	case SerializeNone:
		return "raw"
	case JSON:
		return "json"
	case ProtoBuffer:
		return "protobuf"
	case MsgPack:
		return "msgpack"
	case Thrift:
		return "thrift"
	default:
		return "codec-" + strconv.Itoa(int(t))
	}
}

// String returns the name of the compression as flags, logs and metrics show it.
func (t CompressType) String() string {
	switch t {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	default:
		return "compress-" + strconv.Itoa(int(t))
	}
}

// Header is the fixed part of a frame. It holds every bit that is on the wire,
// so that a header that was read is written again as it was.
type Header struct {
	Version   uint8         // 0 from every known peer; never checked, echoed in replies
	Type      MessageType   // request or response
	Heartbeat bool          // the frame is a heartbeat
	Oneway    bool          // no reply is wanted; on a frame from a server: a push
	Compress  CompressType  // 0 to 7
	Status    StatusType    // 0 to 3
	Serialize SerializeType // 0 to 15
	Reserved  uint8         // low four bits of byte 3; 0 from every known peer
	Seq       uint64        // ties a reply to its request
}

// IsPush reports whether a frame that a client received is a message from the
// server rather than a reply.
func (h *Header) IsPush() bool {
	return h.Type == Request && h.Oneway && !h.Heartbeat
}

// put writes the first twelve bytes of the frame to b.
func (h *Header) put(b []byte) {
	_ = b[11]
	flags := uint8(h.Type&1)<<7 | uint8(h.Compress&7)<<2 | uint8(h.Status&3)
	if h.Heartbeat {
		flags |= 0x40
	}
	if h.Oneway {
		flags |= 0x20
	}
	b[0] = Magic
	b[1] = h.Version
	b[2] = flags
	b[3] = uint8(h.Serialize)<<4 | h.Reserved&0x0f
	putUint64(b[4:], h.Seq)
}

// get reads the first twelve bytes of a frame from b.
func (h *Header) get(b []byte) {
	_ = b[11]
	flags := b[2]
	h.Version = b[1]
	h.Type = MessageType(flags >> 7)
	h.Heartbeat = flags&0x40 != 0
	h.Oneway = flags&0x20 != 0
	h.Compress = CompressType(flags >> 2 & 7)
	h.Status = StatusType(flags & 3)
	h.Serialize = SerializeType(b[3] >> 4)
	h.Reserved = b[3] & 0x0f
	h.Seq = getUint64(b[4:])
}
