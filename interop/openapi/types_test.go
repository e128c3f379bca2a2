// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"time"
)

// The types of the tests: one of each kind.
type (
	Inner struct {
		Name  string
		Score float64 `json:"score,omitempty"`
	}
	Base struct {
		ID int `json:"id"`
	}
	Tree struct {
		Name string         `json:"name"`
		Kids []*Tree        `json:"kids"`
		ByID map[int64]Tree `json:"by_id,omitempty"`
		Next *Tree          `json:",omitempty"`
	}
	Pair[A, B any] struct {
		First  A
		Second B
	}
	Numbers struct {
		I   int
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U   uint
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		F32 float32
		F64 float64
		P   *uint8
	}
	Quoted struct {
		I int64    `json:",string"`
		B bool     `json:"b,string"`
		F *float64 `json:"f,string"`
		S string   `json:"s,string"`
	}
	Bytes struct {
		Raw   []byte
		Sum   [4]byte
		Lists [][]byte
		Named []Octet
		Empty []byte `json:",omitempty"`
	}
	Octet uint8
	Maps  struct {
		Names   map[string]int
		ByLevel map[Level]bool
		ByInt   map[int16][]Inner
		ByUint  map[uint64]*Inner
		Deep    map[string]map[string][]map[string]bool
	}
	Embeds struct {
		Base
		*Inner
		Anon struct{ A, B *string }
		P    Pair[int, *Pair[string, []Inner]]
	}
	Times struct {
		T  time.Time
		P  *time.Time
		D  time.Duration
		Z  time.Time `json:",omitzero"`
		Ds []time.Duration
	}
	Custom struct {
		Addr  netip.Addr
		Big   *big.Int
		Level Level
		Color Color
		Odd   Odd
		Text  json.RawMessage `json:",omitempty"`
		Num   json.Number
		Any   any
		ByPtr Pointed
		Ptrs  map[string]Pointed
	}
	Skips struct {
		Seen   string `json:"seen"`
		Hidden string `json:"-"`
		Dash   string `json:"-,"` //nolint:staticcheck // what it does is what is tested
	}
)

// Level is text.
type Level int8

func (l Level) MarshalText() ([]byte, error) { return []byte{'a' + uint8(l)%26}, nil }

// Color says what its values are.
type Color string

func (Color) JSONSchema() []byte { return []byte(`{"type":"string","enum":["red","green"]}`) }

// Generate implements quick.Generator.
func (Color) Generate(*randV1, int) reflect.Value { return reflect.ValueOf(Color("green")) }

// Odd makes its own JSON.
type Odd struct{ N int }

func (o Odd) MarshalJSON() ([]byte, error) { return json.Marshal([]int{o.N}) }

// Pointed does so only where it has an address.
type Pointed struct{ N int }

func (p *Pointed) MarshalJSON() ([]byte, error) { return json.Marshal(p.N) }

// custom returns a value of what cannot be made at random.
func custom() Custom {
	return Custom{
		Addr: netip.MustParseAddr("::1"), Big: big.NewInt(1).Lsh(big.NewInt(1), 100), Level: 3, Color: "red", Odd: Odd{1},
		Text: json.RawMessage(`{"a":[1]}`), Num: "1.50", Any: []any{1, "x", nil, map[string]any{"y": rand.N(10)}},
		ByPtr: Pointed{1}, Ptrs: map[string]Pointed{"a": {2}},
	}
}
