// SPDX-License-Identifier: Apache-2.0

package vectors

import (
	"math"
	"strings"
	"time"
)

// Values returns what the JSON and MessagePack payloads were made from, by the ID of
// the payload without the codec at its end.
func Values() map[string]any {
	day := time.Unix(1700000000, 0).UTC()
	return map[string]any{
		"args":            Args{A: 10, B: 20},
		"args-big":        Args{A: 70000, B: -70000},
		"everything":      SampleEverything(),
		"everything-zero": Everything{},
		"tagged":          Tagged{UserName: "u", Age: 3, Renamed: "r", Skip: "never sent"},
		"embedded":        Embeds{Base: Base{ID: 4}, Name: "n"},
		"as-array":        AsArray{X: 1, Y: "y"},

		"string":     "hello",
		"string-32":  strings.Repeat("s", 32),
		"bytes":      []byte{1, 2, 3},
		"strings":    []string{"a", "b"},
		"map-one":    map[string]string{"k": "v"},
		"map-two":    map[string]int{"a": 1, "b": 2},
		"nil":        nil,
		"bool-true":  true,
		"interfaces": []any{1, "a", nil, true, 2.5, []byte{9}},
		"json-html":  "<a&b>\u2028",

		"int(0)":           0,
		"int(127)":         127,
		"int(128)":         128,
		"int(255)":         255,
		"int(256)":         256,
		"int(65535)":       math.MaxUint16,
		"int(65536)":       math.MaxUint16 + 1,
		"int(4294967296)":  integer(math.MaxUint32 + 1),
		"int(-1)":          -1,
		"int(-32)":         -32,
		"int(-33)":         -33,
		"int(-128)":        -128,
		"int(-129)":        -129,
		"int(-32768)":      math.MinInt16,
		"int(-32769)":      math.MinInt16 - 1,
		"int(-2147483648)": math.MinInt32,
		"int(-2147483649)": integer(math.MinInt32 - 1),
		"int8(5)":          int8(5),
		"int16(5)":         int16(5),
		"int32(5)":         int32(5),
		"int64(5)":         int64(5),
		"uint(5)":          uint(5),
		"uint8(5)":         uint8(5),
		"uint16(5)":        uint16(5),
		"uint32(5)":        uint32(5),
		"uint64(5)":        uint64(5),
		"float32(1.5)":     float32(1.5),
		"float64(1.5)":     1.5,

		"duration":         time.Second,
		"time-seconds":     day,
		"time-nanos":       day.Add(123456789),
		"time-before-1970": time.Unix(-1, 0).UTC(),
		"time-zero":        time.Time{},

		"file-args":       FileTransferArgs{FileName: "a.txt", FileSize: 3, Meta: map[string]string{"k": "v"}},
		"file-args-empty": FileTransferArgs{},
		"file-reply":      FileTransferReply{Token: []byte{1, 2, 3, 4}, Addr: "127.0.0.1:8973"},
		"download-args":   DownloadFileArgs{FileName: "a.txt"},
		"stream-args":     StreamServiceArgs{Meta: map[string]string{"k": "v"}},
	}
}

// integer returns v as an int or, where that is too narrow, as the type whose encoding
// is the same.
func integer(v int64) any {
	switch {
	case int64(int(v)) == v:
		return int(v)
	case v > 0:
		return uint64(v)
	default:
		return v
	}
}

// SampleEverything returns a value with every field set but Nil.
func SampleEverything() Everything {
	return Everything{
		I: -5, I8: -128, I16: -300, I32: 70000, I64: 1 << 40,
		U: 7, U8: 255, U16: math.MaxUint16, U32: math.MaxUint32, U64: math.MaxUint64,
		F32: 1.5, F64: -2.25, Ok: true, S: "héllo", Raw: []byte{0, 1, 254, 255},
		Strs: []string{"a", "", "c"}, Nums: []int{1, 128, 40000}, M: map[string]int{"k": 9},
		T: time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC), D: 1500 * time.Millisecond,
		In: Inner{Name: "in", Score: 0.1}, PIn: &Inner{Name: "ptr", Score: 3}, Arr: [3]int{1, 2, 3},
	}
}

// The types below are those of the recording.

// Args is two small numbers.
type Args struct{ A, B int }

// Inner is nested in Everything.
type Inner struct {
	Name  string
	Score float64
}

// Base is embedded in Embeds.
type Base struct{ ID int }

// Embeds has an embedded struct.
type Embeds struct {
	Base
	Name string
}

// Everything has a field of each kind.
type Everything struct {
	I    int
	I8   int8
	I16  int16
	I32  int32
	I64  int64
	U    uint
	U8   uint8
	U16  uint16
	U32  uint32
	U64  uint64
	F32  float32
	F64  float64
	Ok   bool
	S    string
	Raw  []byte
	Strs []string
	Nums []int
	M    map[string]int
	T    time.Time
	D    time.Duration
	In   Inner
	PIn  *Inner
	Nil  *Inner
	Arr  [3]int
}

// Tagged has struct tags for both encodings.
type Tagged struct {
	UserName string `json:"user_name"`
	Age      int    `json:"age,omitempty"`
	Renamed  string `msgpack:"renamed" json:"renamed"`
	Opt      string `msgpack:"opt,omitempty" json:"opt,omitempty"`
	Skip     string `msgpack:"-" json:"-"`
}

// AsArray is a MessagePack array.
type AsArray struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // read by the encoder
	X        int
	Y        string
}

// FileTransferArgs asks for an upload.
type FileTransferArgs struct {
	FileName string            `json:"file_name,omitempty"`
	FileSize int64             `json:"file_size,omitempty"`
	Meta     map[string]string `json:"meta,omitempty"`
}

// FileTransferReply says where to send a file.
type FileTransferReply struct {
	Token []byte `json:"token,omitempty"`
	Addr  string `json:"addr,omitempty"`
}

// DownloadFileArgs asks for a download.
type DownloadFileArgs struct {
	FileName string            `json:"file_name,omitempty"`
	Meta     map[string]string `json:"meta,omitempty"`
}

// StreamServiceArgs asks for a stream.
type StreamServiceArgs struct {
	Meta map[string]string `json:"meta,omitempty"`
}
