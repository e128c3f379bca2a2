// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// All 65,536 values of the two bytes of bits are read and written again as they were.
func TestHeaderKeepsEveryBit(t *testing.T) {
	t.Parallel()
	b := request(t, 1<<64-1, 0)
	lim := defaults()
	var f protocol.Frame
	var again []byte
	for i := range 1 << 16 {
		b[2], b[3] = byte(i>>8), byte(i)
		if err := f.Parse(b, lim); err != nil {
			t.Fatal(err)
		}
		h := f.Header
		flags := b[2]
		if h.Type != protocol.MessageType(flags>>7) || h.Heartbeat != (flags&0x40 != 0) || h.Oneway != (flags&0x20 != 0) ||
			h.Compress != protocol.CompressType(flags>>2&7) || h.Status != protocol.StatusType(flags&3) ||
			h.Serialize != protocol.SerializeType(b[3]>>4) || h.Reserved != b[3]&15 {
			t.Fatalf("bytes %02x %02x read as %+v", b[2], b[3], h)
		}
		if h.IsPush() != (flags&0xe0 == 0x20) {
			t.Fatalf("flags %02x: IsPush is %t", flags, h.IsPush())
		}
		var mark protocol.Mark
		again, mark = protocol.AppendHead(again[:0], &h, string(f.Service), string(f.Method))
		again = mark.EndMetadata(again)
		if err := mark.Finish(again); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("written again (%v) as %x, want %x", err, again, b)
		}
	}
}

// Values that do not fit their bits lose the excess; they never reach other bits.
func TestHeaderMasksWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	wide := protocol.Header{Type: 0xff, Compress: 0xff, Status: 0xff, Serialize: 0xff, Reserved: 0xff}
	b := mustEncode(t, &protocol.Message{Header: wide})
	if b[2] != 0x9f || b[3] != 0xff {
		t.Errorf("bytes are %02x %02x, want 9f ff", b[2], b[3])
	}
	for _, h := range []protocol.Header{{Type: 0xfe}, {Compress: 0xf8}, {Status: 0xfc}, {Serialize: 0xf0}, {Reserved: 0xf0}} {
		b := mustEncode(t, &protocol.Message{Header: h})
		if b[2] != 0 || b[3] != 0 {
			t.Errorf("%+v gives bytes %02x %02x, want zeros", h, b[2], b[3])
		}
	}
}

func TestTypeNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		protocol.SerializeNone.String():     "raw",
		protocol.JSON.String():              "json",
		protocol.ProtoBuffer.String():       "protobuf",
		protocol.MsgPack.String():           "msgpack",
		protocol.Thrift.String():            "thrift",
		protocol.SerializeType(5).String():  "codec-5",
		protocol.SerializeType(15).String(): "codec-15",
		protocol.None.String():              "none",
		protocol.Gzip.String():              "gzip",
		protocol.CompressType(7).String():   "compress-7",
	} {
		if got != want {
			t.Errorf("name is %q, want %q", got, want)
		}
	}
}

// A frame may be appended behind anything, such as other frames.
func TestAppendBehindOthers(t *testing.T) {
	t.Parallel()
	m := protocol.Message{Service: "S", Method: "M", Metadata: protocol.Pairs("k", "v"), Payload: []byte("p")}
	one := mustEncode(t, &m)
	got := []byte("before")
	for range 3 {
		var err error
		if got, err = m.AppendBinary(got); err != nil {
			t.Fatal(err)
		}
	}
	if want := append([]byte("before"), bytes.Repeat(one, 3)...); !bytes.Equal(got, want) {
		t.Errorf("got %x\nwant %x", got, want)
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, 1, 1000} {
		dst, mark := protocol.AppendHead(make([]byte, before), &protocol.Header{Compress: 5, Status: 2, Oneway: true}, "Arith", "Mul")
		dst = protocol.AppendPair(dst, "k", "v")
		dst = mark.EndMetadata(dst)
		if mark.PayloadStart() != len(dst) {
			t.Errorf("payload starts at %d, want %d", mark.PayloadStart(), len(dst))
		}
		dst = append(dst, "payload"...)
		for _, c := range []protocol.CompressType{0, 7, 1} {
			mark.SetCompress(dst, c)
			if err := mark.Finish(dst); err != nil {
				t.Fatal(err)
			}
			var f protocol.Frame
			if err := f.Parse(dst[before:], defaults()); err != nil {
				t.Fatal(err)
			}
			if want := (protocol.Header{Compress: c, Status: 2, Oneway: true}); f.Header != want {
				t.Errorf("header is %+v, want %+v", f.Header, want)
			}
			if string(f.Payload) != "payload" {
				t.Errorf("payload is %q", f.Payload)
			}
		}
		// The payload may still change in length: a compressor has replaced it.
		dst = append(dst[:mark.PayloadStart()], "small"...)
		if err := mark.Finish(dst); err != nil {
			t.Fatal(err)
		}
		var f protocol.Frame
		if err := f.Parse(dst[before:], defaults()); err != nil || string(f.Payload) != "small" {
			t.Errorf("payload is %q, %v", f.Payload, err)
		}
	}
}

func TestMessageOwnsItsMemory(t *testing.T) {
	t.Parallel()
	want := protocol.Message{
		Header:   protocol.Header{Version: 1, Serialize: protocol.JSON, Seq: 9},
		Service:  strings.Repeat("s", 100),
		Method:   "m",
		Metadata: protocol.Pairs("k", "v"),
		Payload:  []byte(`{"A":1}`),
	}
	b := mustEncode(t, &want)
	var f protocol.Frame
	if err := f.Parse(b, defaults()); err != nil {
		t.Fatal(err)
	}
	got := f.Message()
	md := f.CopyMetadata()
	clear(b)
	if got.Header != want.Header || got.Service != want.Service || got.Method != want.Method ||
		got.Metadata != want.Metadata || !bytes.Equal(got.Payload, want.Payload) {
		t.Errorf("message is %+v, want %+v", got, want)
	}
	if md != want.Metadata {
		t.Errorf("metadata is %q", list(md))
	}
}

func TestMessageOfAnEmptyFrame(t *testing.T) {
	t.Parallel()
	b := mustEncode(t, new(protocol.Message))
	if len(b) != 32 {
		t.Errorf("the smallest frame has %d bytes, want 32", len(b))
	}
	var f protocol.Frame
	if err := f.Parse(b, defaults()); err != nil {
		t.Fatal(err)
	}
	if m := f.Message(); m.Payload != nil || !m.Metadata.IsZero() || m.Service+m.Method != "" {
		t.Errorf("message is %+v, want the zero value", m)
	}
}

func TestFinishRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	if strconv.IntSize == 32 {
		t.Skip("no slice is that long here")
	}
	dst, mark := protocol.AppendHead(nil, new(protocol.Header), "S", "M")
	dst = mark.EndMetadata(dst)
	most := uint64(math.MaxUint32)
	longer := mark.Before(int(most+1) - (len(dst) - protocol.HeaderSize))
	if err := longer.Finish(dst); !errors.Is(err, protocol.ErrTooLarge) {
		t.Errorf("total length of 2^32: %v, want ErrTooLarge", err)
	}
}
