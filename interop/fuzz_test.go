// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"testing"

	realprotocol "github.com/smallnest/rpcx/protocol"

	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/protocol"
)

// FuzzDecode gives any bytes to both decoders. What both take for a frame must mean
// the same to both, and what ours takes real rpcx must take, unless it does not
// decompress, which ours leaves to others.
func FuzzDecode(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	lim := protocol.Limits{Frame: 1 << 20}.WithDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		var frame protocol.Frame
		size, err := protocol.FrameSize(data, &lim)
		if err != nil || size == 0 || size > len(data) || frame.Parse(data[:size], &lim) != nil {
			return // a real decoder would allocate what the header says
		}
		real := realprotocol.NewMessage()
		rest := bytes.NewReader(data)
		err = real.Decode(rest)
		if err == nil && rest.Len() != len(data)-size {
			t.Fatalf("rpcx took %d bytes, we %d", len(data)-rest.Len(), size)
		}
		sameMeaning(t, frame.Message(), real, err)
	})
}

// sameMeaning compares a frame as both decoders have read it.
func sameMeaning(t *testing.T, ours *protocol.Message, real *realprotocol.Message, err error) {
	t.Helper()
	payload, plainErr := plainPayload(ours)
	if (err == nil) != (plainErr == nil) {
		t.Fatalf("rpcx: %v, we: %v", err, plainErr)
	}
	if err != nil {
		return
	}
	h := protocol.Header{
		Version:   real.Version(),
		Type:      protocol.MessageType(real.MessageType()),
		Heartbeat: real.IsHeartbeat(),
		Oneway:    real.IsOneway(),
		Compress:  protocol.CompressType(real.CompressType()),
		Status:    protocol.StatusType(real.MessageStatusType()),
		Serialize: protocol.SerializeType(real.SerializeType()),
		Reserved:  real.Header[3] & 0x0f, // rpcx has no name for it
		Seq:       real.Seq(),
	}
	if ours.Header != h {
		t.Errorf("header: rpcx %+v, we %+v", h, ours.Header)
	}
	if ours.Service != real.ServicePath || ours.Method != real.ServiceMethod {
		t.Errorf("names: rpcx %q.%q, we %q.%q", real.ServicePath, real.ServiceMethod, ours.Service, ours.Method)
	}
	if md := ours.Metadata.Map(); !maps.Equal(md, real.Metadata) {
		t.Errorf("metadata: rpcx %q, we %q", real.Metadata, md)
	}
	if !bytes.Equal(payload, real.Payload) {
		t.Errorf("payload: rpcx %d bytes, we %d", len(real.Payload), len(payload))
	}
}

var errUnknownCompressor = errors.New("unknown compressor")

// fuzzPayload is how long a payload the fuzz targets inflate.
const fuzzPayload = 64 << 20

func plainPayload(m *protocol.Message) ([]byte, error) {
	switch m.Compress {
	case protocol.None:
		return m.Payload, nil
	case protocol.Gzip:
		return gzip.New().Decompress(nil, m.Payload, fuzzPayload)
	default:
		return nil, errUnknownCompressor
	}
}

// FuzzEncode gives any parts to both encoders. The bytes must be the same.
func FuzzEncode(f *testing.F) {
	f.Add(uint8(0), uint8(0), uint8(0x30), uint64(0), "Arith", "Mul", "k", "v", []byte("payload"))
	f.Add(uint8(7), uint8(0xe3), uint8(0x15), uint64(1)<<63, "", "", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, version, flags, codec uint8, seq uint64, service, method, key, value string, payload []byte) {
		h := protocol.Header{
			Version:   version,
			Type:      protocol.MessageType(flags >> 7),
			Heartbeat: flags&0x40 != 0,
			Oneway:    flags&0x20 != 0,
			Status:    protocol.StatusType(flags & 3),
			Serialize: protocol.SerializeType(codec >> 4),
			Seq:       seq,
		}
		ours := protocol.Message{Header: h, Service: service, Method: method, Metadata: protocol.Pairs(key, value), Payload: payload}
		got, err := ours.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		real := realprotocol.NewMessage()
		real.SetVersion(version)
		real.SetMessageType(realprotocol.MessageType(h.Type))
		real.SetHeartbeat(h.Heartbeat)
		real.SetOneway(h.Oneway)
		real.SetMessageStatusType(realprotocol.MessageStatusType(h.Status))
		real.SetSerializeType(realprotocol.SerializeType(h.Serialize))
		real.SetSeq(seq)
		real.ServicePath, real.ServiceMethod = service, method
		real.Metadata = map[string]string{key: value}
		real.Payload = payload
		if want := real.Encode(); !bytes.Equal(got, want) {
			t.Errorf("rpcx encodes\n%x, we\n%x", want, got)
		}
	})
}

// seeds are all bytes that were recorded.
func seeds(tb testing.TB) [][]byte {
	v := vectors(tb)
	var all []string
	for i := range v.Frames {
		all = append(all, v.Frames[i].Hex)
	}
	for i := range v.Malformed {
		all = append(all, v.Malformed[i].Hex)
	}
	for _, tr := range v.Transcripts {
		for _, step := range tr.Steps {
			all = append(all, step.Hex)
		}
	}
	var seeds [][]byte
	for _, s := range all {
		if b, err := hex.DecodeString(s); err == nil && len(b) > 0 {
			seeds = append(seeds, b)
		}
	}
	if len(seeds) < 150 {
		tb.Fatalf("%d seeds, there should be more: the file is read wrongly", len(seeds))
	}
	return seeds
}
