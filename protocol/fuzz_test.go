// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// seeds adds every vector that is short enough to be mutated with profit.
func seeds(f *testing.F, add func([]byte)) {
	f.Helper()
	v := vectors(f)
	for i := range v.Frames {
		if v.Frames[i].Length <= 4096 {
			add(v.Frames[i].bytesOf(f))
		}
	}
	for _, m := range v.Malformed {
		add(unhex(f, m.Hex))
	}
	for _, tr := range v.Transcripts {
		for _, s := range tr.Steps {
			if len(s.Frames) > 0 && s.Hex != "" {
				add(unhex(f, s.Hex))
			}
		}
	}
}

// Any bytes are one frame, which is encoded to the same bytes again, or an error
// that matches ErrMalformed.
func FuzzFrame(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b) })
	lim := protocol.Limits{Frame: 1 << 16, Metadata: 1 << 12}.WithDefaults()
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var fr protocol.Frame
		err := fr.Parse(b, &lim)
		if !bytes.Equal(b, before) {
			t.Fatal("Parse changed its input")
		}
		if err != nil {
			if !errors.Is(err, protocol.ErrMalformed) {
				t.Fatalf("error %v is none of ours", err)
			}
			return
		}
		again, err := fr.Message().AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again (%v): %x\nwant %x", err, again, b)
		}
		if size, err := protocol.FrameSize(b, &lim); err != nil || size != len(b) {
			t.Fatalf("FrameSize is %d (%v) for a frame of %d", size, err, len(b))
		}
	})
}

// However a stream is cut up, and wherever the reader is split, the frames and the
// error that ends it are the same.
func FuzzReader(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b, uint16(len(b)/2), uint8(3)) })
	f.Add(append(request(f, 1, 5000), request(f, 2, 0)...), uint16(1460), uint8(1))
	f.Add(append(request(f, 1, 40_000), request(f, 2, 0)...), uint16(1460), uint8(1))
	f.Add(append(request(f, 1, 40_000), request(f, 2, 33_000)...), uint16(65_535), uint8(0))
	lim := protocol.Limits{Frame: 1 << 16}
	f.Fuzz(func(t *testing.T, b []byte, chunk uint16, split uint8) {
		frames, end := readAll(b, lim)
		r := protocol.NewReader(&chunks{data: b, n: int(chunk) + 1}, lim)
		for i, want := range frames {
			got, err := r.Next()
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			if release := r.Detach(); release != nil {
				kept := got.Message()
				defer func(payload []byte) {
					if !bytes.Equal(payload, kept.Payload) {
						t.Errorf("frame %d changed after Detach", i)
					}
					release()
				}(got.Payload)
			}
			if split > 0 && i%int(split) == 0 {
				r = r.Split()
			}
			if !bytes.Equal(mustEncode(t, got.Message()), mustEncode(t, want)) {
				t.Fatalf("frame %d is %+v, want %+v", i, got.Message(), want)
			}
		}
		if _, err := r.Next(); err.Error() != end.Error() {
			t.Fatalf("ends with %v, want %v", err, end)
		}
		if !errors.Is(end, protocol.ErrMalformed) && !errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) {
			t.Fatalf("error %v is none of ours", end)
		}
	})
}

// A block is a list of pairs or an error; what is read of one agrees however it is
// asked for.
func FuzzMetadata(f *testing.F) {
	seeds(f, func(b []byte) {
		var fr protocol.Frame
		if fr.Parse(b, defaults()) == nil {
			f.Add(fr.Metadata, "__rpcx_error__")
		}
	})
	for _, c := range hostileBlocks() {
		f.Add(c.block, "k")
	}
	f.Fuzz(func(t *testing.T, block []byte, key string) {
		raw, found := protocol.LookupBlock(block, key)
		md, err := protocol.ParseMetadata(block)
		if err != nil {
			if !errors.Is(err, protocol.ErrMalformed) {
				t.Fatalf("error %v is none of ours", err)
			}
			return
		}
		if again, _ := md.AppendBinary(nil); !bytes.Equal(again, block) {
			t.Fatalf("encoded again: %x, want %x", again, block)
		}
		value, ok := md.Lookup(key)
		if ok != found || value != string(raw) || md.Map()[key] != value {
			t.Fatalf("Lookup %q %t, LookupBlock %q %t, Map %q", value, ok, raw, found, md.Map()[key])
		}
		if v, ok := md.With(key, "new").Lookup(key); v != "new" || !ok {
			t.Fatalf("after With: %q %t", v, ok)
		}
		if _, ok := md.Without(key).Lookup(key); ok {
			t.Fatal("still there after Without")
		}
		if rebuilt := protocol.Pairs(flat(md)...); rebuilt != md {
			t.Fatalf("rebuilt from its pairs: %q, want %q", list(rebuilt), list(md))
		}
		if md.Len() <= 256 {
			if merged := md.Merge(md); merged != md {
				t.Fatalf("merged with itself: %q, want %q", list(merged), list(md))
			}
		}
	})
}

func flat(md protocol.Metadata) []string {
	var all []string
	for k, v := range md.All() {
		all = append(all, k, v)
	}
	return all
}

// Every message, whatever its parts, is read as it was written.
func FuzzMessage(f *testing.F) {
	v := vectors(f)
	for i := range v.Frames {
		var fr protocol.Frame
		if v.Frames[i].Length > 4096 || fr.Parse(v.Frames[i].bytesOf(f), defaults()) != nil {
			continue
		}
		m := fr.Message()
		key, value := "", ""
		for key, value = range m.Metadata.All() {
			break
		}
		f.Add(m.Version, uint8(m.Type)<<7|uint8(m.Compress)<<2|uint8(m.Status), uint8(m.Serialize)<<4|m.Reserved, m.Seq,
			m.Service, m.Method, key, value, m.Payload)
	}
	f.Fuzz(func(t *testing.T, version, flags, codec uint8, seq uint64, service, method, key, value string, payload []byte) {
		want := protocol.Message{
			Header: protocol.Header{
				Version: version, Type: protocol.MessageType(flags >> 7),
				Heartbeat: flags&0x40 != 0, Oneway: flags&0x20 != 0,
				Compress: protocol.CompressType(flags >> 2 & 7), Status: protocol.StatusType(flags & 3),
				Serialize: protocol.SerializeType(codec >> 4), Reserved: codec & 15, Seq: seq,
			},
			Service: service, Method: method, Metadata: protocol.Pairs(key, value), Payload: payload,
		}
		b := mustEncode(t, &want)
		lim := protocol.Limits{Name: len(b), Metadata: len(b)}.WithDefaults()
		var fr protocol.Frame
		if err := fr.Parse(b, &lim); err != nil {
			t.Fatal(err)
		}
		got := fr.Message()
		if got.Header != want.Header || got.Service != service || got.Method != method ||
			got.Metadata != want.Metadata || !bytes.Equal(got.Payload, payload) {
			t.Fatalf("read %+v\nwrote %+v", got, want)
		}
	})
}
