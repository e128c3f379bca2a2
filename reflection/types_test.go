// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"time"
)

// Inner is what others hold.
type Inner struct {
	Name  string
	Score float64 `json:"score,omitempty"`
}

type Base struct {
	ID int `json:"id"`

	Shadowed string
}

type Tree struct {
	Name string
	Kids []*Tree
	ByID map[int64]Tree
}

type List []List

type Color string

func (Color) JSONSchema() []byte { return []byte(`{"type":"string","enum":["red","green"]}`) }

type Level int8

func (l Level) MarshalText() ([]byte, error) { return []byte{byte('a' + l)}, nil }

func (l *Level) UnmarshalText(b []byte) error {
	*l = Level(b[0] - 'a')
	return nil
}

// Odd makes its own JSON.
type Odd struct{ n int }

func (o Odd) MarshalJSON() ([]byte, error) { return json.Marshal([]int{o.n}) }

func (o *Odd) UnmarshalJSON([]byte) error { return nil }

// Pointed does so only where it has an address.
type Pointed struct{ N int }

func (p *Pointed) MarshalJSON() ([]byte, error) { return json.Marshal(p.N) }

type Pair[A, B any] struct {
	First  A
	Second B
}

type Array struct {
	_msgpack struct{} `msgpack:",as_array"` //nolint:unused // read by the encoder
	X        int
	Y        string `json:"why"`
}

// Everything is one of each.
//
// Deprecated: use less.
type Everything struct {
	Base
	*Inner
	I        int
	I8       int8
	I16      int16
	I32      int32
	I64      int64
	U        uint
	U8       uint8
	U16      uint16
	U32      uint32
	U64      uint64
	F32      float32
	F64      float64
	Ok       bool `json:"ok"`
	S        string
	Raw      []byte
	Sum      [4]byte
	Strs     []string
	M        map[string]int
	Numbered map[int]Inner
	ByLevel  map[Level]int
	T        time.Time
	D        time.Duration
	In       Inner `json:"in"`
	PIn      *Inner
	Any      any
	Text     json.RawMessage `json:",omitempty"`
	Number   json.Number
	Addr     netip.Addr
	Big      *big.Int
	Color    Color
	Level    Level `msgpack:"lvl"`
	Odd      Odd
	Pointed  map[string]Pointed
	Pair     Pair[int, *Inner]
	Anon     struct{ A, B *int }
	Tree     *Tree     `json:"tree,omitempty"`
	List     List      // of lists
	Array    Array     `json:"array"`
	Quoted   int64     `json:",string"`
	QuotedP  *bool     `json:"qp,string"`
	Skipped  string    `json:"-"`
	Dash     string    `json:"-,"` //nolint:staticcheck // what it does is what is tested
	Packless string    `msgpack:"-"`
	hidden   int       //nolint:unused // must not be seen
	Zero     time.Time `json:",omitzero"`
}
