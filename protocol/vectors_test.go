// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// vectorFile is the part of testdata/vectors.json that is about frames. Real rpcx
// wrote it.
type vectorFile struct {
	Frames      []frameVector      `json:"frames"`
	Malformed   []malformedVector  `json:"malformed"`
	Transcripts []transcriptVector `json:"transcripts"`
}

type frameVector struct {
	ID            string            `json:"id"`
	Compare       string            `json:"compare"`
	Length        int               `json:"length"`
	Hex           string            `json:"hex"`
	HeadHex       string            `json:"head_hex"`
	SHA256        string            `json:"sha256"`
	PayloadRecipe map[string]string `json:"payload_recipe"`
	Decoded       decodedFrame      `json:"decoded"`
}

type malformedVector struct {
	ID       string `json:"id"`
	Hex      string `json:"hex"`
	Behavior struct {
		MaxLength int `json:"max_message_length_setting"`
	} `json:"rpcx_behaviour"`
}

type transcriptVector struct {
	ID    string `json:"id"`
	Steps []struct {
		From   string         `json:"from"`
		Conn   string         `json:"conn"`
		Hex    string         `json:"hex"`
		Frames []decodedFrame `json:"frames"`
	} `json:"steps"`
}

// decodedFrame is a frame as an independent decoder read it.
type decodedFrame struct {
	Magic             uint8       `json:"magic"`
	Version           uint8       `json:"version"`
	FlagsByte         string      `json:"flags_byte"`
	MessageType       string      `json:"message_type"`
	Heartbeat         bool        `json:"heartbeat"`
	Oneway            bool        `json:"oneway"`
	CompressType      uint8       `json:"compress_type"`
	Status            uint8       `json:"status"`
	SerializeType     uint8       `json:"serialize_type"`
	ReservedLowNibble uint8       `json:"reserved_low_nibble"`
	Seq               string      `json:"seq"`
	TotalLength       int         `json:"total_length"`
	ServicePath       string      `json:"service_path"`
	ServiceMethod     string      `json:"service_method"`
	MetadataLength    int         `json:"metadata_length"`
	Metadata          [][2]string `json:"metadata"`
	PayloadWireLength int         `json:"payload_wire_length"`
	PayloadLength     int         `json:"payload_length"`
	PayloadHex        *string     `json:"payload_hex"`
	PayloadSHA256     string      `json:"payload_sha256"`
}

// nonUTF8 is the vector whose metadata JSON cannot carry: the value is ff fe.
const nonUTF8 = "meta-nonutf8"

var loadVectors = sync.OnceValues(func() (*vectorFile, error) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		return nil, err
	}
	v := new(vectorFile)
	if err := json.Unmarshal(text, v); err != nil {
		return nil, err
	}
	for i := range v.Frames {
		if v.Frames[i].ID == nonUTF8 {
			v.Frames[i].Decoded.Metadata = [][2]string{{"b", "\xff\xfe"}}
		}
	}
	return v, nil
})

func vectors(tb testing.TB) *vectorFile {
	tb.Helper()
	v, err := loadVectors()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// recipe builds the payload that a vector describes instead of holding it.
func recipe(tb testing.TB, r map[string]string) []byte {
	tb.Helper()
	n, err := strconv.Atoi(r["count"])
	if err != nil {
		tb.Fatal(err)
	}
	if text := r["repeat_text"]; text != "" {
		return bytes.Repeat([]byte(text), n)
	}
	if want := "byte[i] = (i*7 + i/256) mod 256, integer division"; r["formula"] != want {
		tb.Fatalf("unknown formula %q", r["formula"])
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i/256)
	}
	return b
}

// bytesOf returns the whole frame of a vector. Large ones are put together from
// head and payload recipe and held against their hash.
func (v *frameVector) bytesOf(tb testing.TB) []byte {
	tb.Helper()
	var b []byte
	if v.Hex != "" {
		b = unhex(tb, v.Hex)
	} else {
		payload := recipe(tb, v.PayloadRecipe)
		head := unhex(tb, v.HeadHex)
		b = append(head[:v.Length-len(payload)], payload...)
	}
	if len(b) != v.Length {
		tb.Fatalf("%s: %d bytes, want %d", v.ID, len(b), v.Length)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != v.SHA256 {
		tb.Fatalf("%s: hash differs", v.ID)
	}
	return b
}

// header returns the header that the independent decoder saw.
func (d *decodedFrame) header(tb testing.TB) protocol.Header {
	tb.Helper()
	seq, err := strconv.ParseUint(d.Seq, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	h := protocol.Header{
		Version:   d.Version,
		Heartbeat: d.Heartbeat,
		Oneway:    d.Oneway,
		Compress:  protocol.CompressType(d.CompressType),
		Status:    protocol.StatusType(d.Status),
		Serialize: protocol.SerializeType(d.SerializeType),
		Reserved:  d.ReservedLowNibble,
		Seq:       seq,
	}
	if d.MessageType == "response" {
		h.Type = protocol.Response
	}
	return h
}

// diff holds a parsed frame against the independent decoder's view and returns
// the first difference.
func (d *decodedFrame) diff(tb testing.TB, f *protocol.Frame) string {
	tb.Helper()
	if want := d.header(tb); f.Header != want {
		return fmt.Sprintf("header is %+v, want %+v", f.Header, want)
	}
	if string(f.Service) != d.ServicePath || string(f.Method) != d.ServiceMethod {
		return fmt.Sprintf("names are %q %q, want %q %q", f.Service, f.Method, d.ServicePath, d.ServiceMethod)
	}
	if len(f.Metadata) != d.MetadataLength {
		return fmt.Sprintf("metadata of %d bytes, want %d", len(f.Metadata), d.MetadataLength)
	}
	var pairs [][2]string
	for k, v := range f.Message().Metadata.All() {
		pairs = append(pairs, [2]string{k, v})
	}
	if fmt.Sprint(pairs) != fmt.Sprint(d.Metadata) {
		return fmt.Sprintf("metadata is %q, want %q", pairs, d.Metadata)
	}
	if len(f.Payload) != d.PayloadWireLength {
		return fmt.Sprintf("payload of %d bytes, want %d", len(f.Payload), d.PayloadWireLength)
	}
	payload, err := inflate(&f.Header, f.Payload)
	if err != nil {
		return err.Error()
	}
	if len(payload) != d.PayloadLength {
		return fmt.Sprintf("inflated payload of %d bytes, want %d", len(payload), d.PayloadLength)
	}
	if d.PayloadHex != nil {
		if got := hex.EncodeToString(payload); got != *d.PayloadHex {
			return fmt.Sprintf("payload is %s, want %s", got, *d.PayloadHex)
		}
	} else if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != d.PayloadSHA256 {
		return "payload has another hash"
	}
	return ""
}

// inflate undoes gzip with the standard library; the package under test does not
// know compression.
func inflate(h *protocol.Header, payload []byte) ([]byte, error) {
	if h.Compress != protocol.Gzip {
		return payload, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func defaults() *protocol.Limits {
	lim := protocol.Limits{}.WithDefaults()
	return &lim
}

func TestVectorsDecode(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Frames {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			var f protocol.Frame
			b := v.bytesOf(t)
			if err := f.Parse(b, defaults()); err != nil {
				t.Fatal(err)
			}
			if d := v.Decoded.diff(t, &f); d != "" {
				t.Error(d)
			}
			if got := fmt.Sprintf("%02x", b[2]); got != v.Decoded.FlagsByte {
				t.Errorf("flags byte is %s, want %s", got, v.Decoded.FlagsByte)
			}
			if size, err := protocol.FrameSize(b, defaults()); err != nil || size != 16+v.Decoded.TotalLength {
				t.Errorf("FrameSize is %d, %v, want %d", size, err, 16+v.Decoded.TotalLength)
			}
		})
	}
}

// Encoding what the independent decoder saw gives the bytes that rpcx sent. Our
// metadata keeps the wire's order, so that goes for every vector; gzip and
// decode-only ones need the payload as it was on the wire.
func TestVectorsEncode(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Frames {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			want := v.bytesOf(t)
			payload := want[len(want)-v.Decoded.PayloadWireLength:]
			if v.Compare == "exact" || v.Compare == "metadata-unordered" {
				payload = v.payload(t)
			}
			var pairs []string
			for _, p := range v.Decoded.Metadata {
				pairs = append(pairs, p[0], p[1])
			}
			m := protocol.Message{
				Header:   v.Decoded.header(t),
				Service:  v.Decoded.ServicePath,
				Method:   v.Decoded.ServiceMethod,
				Metadata: protocol.Pairs(pairs...),
				Payload:  payload,
			}
			got, err := m.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("encoded\n%s\nwant\n%s", clip(got), clip(want))
			}
			if sum := sha256.Sum256(got); hex.EncodeToString(sum[:]) != v.SHA256 {
				t.Error("hash differs from the one recorded")
			}
		})
	}
}

// Decoding and encoding again changes nothing, whatever the vector holds.
func TestVectorsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Frames {
		want := v.bytesOf(t)
		var f protocol.Frame
		if err := f.Parse(want, defaults()); err != nil {
			t.Fatalf("%s: %v", v.ID, err)
		}
		if got, err := f.Message().AppendBinary(nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: encoded again (%v)\n%s\nwant\n%s", v.ID, err, clip(got), clip(want))
		}
	}
}

// payload returns the payload that a vector's encoder was fed with.
func (v *frameVector) payload(tb testing.TB) []byte {
	tb.Helper()
	if v.Decoded.PayloadHex != nil {
		return unhex(tb, *v.Decoded.PayloadHex)
	}
	return recipe(tb, v.PayloadRecipe)
}

func clip(b []byte) string {
	if len(b) > 256 {
		return hex.EncodeToString(b[:256]) + fmt.Sprintf("... (%d bytes)", len(b))
	}
	return hex.EncodeToString(b)
}

// mustEncode returns the bytes of m.
func mustEncode(tb testing.TB, m *protocol.Message) []byte {
	tb.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// request returns the bytes of a small request with the given sequence id and
// payload length.
func request(tb testing.TB, seq uint64, payload int) []byte {
	tb.Helper()
	return mustEncode(tb, &protocol.Message{
		Header:  protocol.Header{Serialize: protocol.SerializeNone, Seq: seq},
		Service: "Echo",
		Method:  "Bytes",
		Payload: []byte(strings.Repeat("x", payload)),
	})
}
