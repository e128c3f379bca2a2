// SPDX-License-Identifier: Apache-2.0

package codectest

import (
	"bytes"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/raw"
	"github.com/rpcx-go/rpcx/protocol"
)

// broken is the raw codec with some parts replaced.
type broken struct {
	raw.Codec
	id        protocol.SerializeType
	name      string
	append    func(dst []byte, v any) ([]byte, error)
	unmarshal func(data []byte, v any) error
}

func (b *broken) ID() protocol.SerializeType { return b.id }
func (b *broken) Name() string               { return b.name }

func (b *broken) Append(dst []byte, v any) ([]byte, error) {
	if b.append != nil {
		return b.append(dst, v)
	}
	return b.Codec.Append(dst, v)
}

func (b *broken) Unmarshal(data []byte, v any) error {
	if b.unmarshal != nil {
		return b.unmarshal(data, v)
	}
	return b.Codec.Unmarshal(data, v)
}

func hello() Case {
	return Case{Name: "hello", Value: []byte("hello"), New: func() any { return new([]byte) }}
}

func TestGoodCodecPasses(t *testing.T) {
	t.Parallel()
	Run(t, raw.Codec{}, hello(), Case{
		Name:  "own comparison",
		Value: []byte("hello"),
		New:   func() any { return new([]byte) },
		Equal: func(want, got any) bool { return bytes.Equal(want.([]byte), *got.(*[]byte)) },
	})
}

// TestChecksFindFaults: each fault must be found by the check that is there for it.
func TestChecksFindFaults(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	for name, tt := range map[string]struct {
		codec *broken
		check string
	}{
		"wrong value": {&broken{unmarshal: func(data []byte, v any) error {
			return raw.Codec{}.Unmarshal(append([]byte("x"), data...), v)
		}}, "round trip"},
		"append fails": {&broken{append: func(dst []byte, _ any) ([]byte, error) {
			return dst, errors.New("no")
		}}, "round trip"},
		"unmarshal fails": {&broken{unmarshal: func([]byte, any) error { return errors.New("no") }}, "round trip"},
		"forgets dst": {&broken{append: func(_ []byte, v any) ([]byte, error) {
			return raw.Codec{}.Append(nil, v)
		}}, "appends"},
		"writes over dst": {&broken{append: func(dst []byte, v any) ([]byte, error) {
			return raw.Codec{}.Append(dst[:0], v)
		}}, "appends"},
		"encodes anything": {&broken{append: func(dst []byte, _ any) ([]byte, error) {
			return append(dst, "hello"...), nil
		}}, "failed append"},
		"spoils dst when failing": {&broken{append: func(dst []byte, v any) ([]byte, error) {
			out, err := raw.Codec{}.Append(dst, v)
			if err != nil {
				clear(dst)
			}
			return out, err
		}}, "failed append"},
		"returns half when failing": {&broken{append: func(dst []byte, v any) ([]byte, error) {
			if b, ok := v.([]byte); ok {
				return append(dst, b...), nil
			}
			return []byte("half"), errors.New("no")
		}}, "failed append"},
		"keeps the input": {&broken{unmarshal: func(data []byte, v any) error {
			*v.(*[]byte) = data
			return nil
		}}, "owns its result"},
		"changes the input": {&broken{unmarshal: func(data []byte, v any) error {
			err := raw.Codec{}.Unmarshal(data, v)
			clear(data)
			return err
		}}, "owns its result"},
		"takes any target": {&broken{unmarshal: func(data []byte, v any) error {
			_ = raw.Codec{}.Unmarshal(data, v)
			return nil
		}}, "bad targets"},
		"panics for a wrong target": {&broken{unmarshal: func(data []byte, v any) error {
			*v.(*[]byte) = slices.Clone(data)
			return nil
		}}, "bad targets"},
		"panics for nil": {&broken{append: func(dst []byte, v any) ([]byte, error) {
			return append(dst, v.([]byte)...), nil
		}}, "bad targets"},
		"reads on": {&broken{unmarshal: func(data []byte, v any) error {
			return raw.Codec{}.Unmarshal(data[:5], v)
		}}, "truncated"},
		"panics for some bytes": {&broken{unmarshal: func(data []byte, v any) error {
			if bytes.IndexByte(data, 0xff) >= 0 {
				panic("0xff")
			}
			return raw.Codec{}.Unmarshal(data, v)
		}}, "damaged"},
		"panics for garbage": {&broken{unmarshal: func(data []byte, v any) error {
			if len(data) > 40 {
				panic("long")
			}
			return raw.Codec{}.Unmarshal(data, v)
		}}, "garbage"},
		"works once": {&broken{append: func(dst []byte, v any) ([]byte, error) {
			if calls.Add(1) > 100 {
				return dst, errors.New("worn out")
			}
			return raw.Codec{}.Append(dst, v)
		}}, "concurrent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check, ok := checks()[tt.check]
			if !ok {
				t.Fatalf("there is no check called %s", tt.check)
			}
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("the check let a panic through: %v", r)
				}
			}()
			err := check(tt.codec, hello())
			if err == nil {
				t.Error("the check found nothing")
			}
			t.Log(err)
		})
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]codec.Codec{
		"no name":          &broken{},
		"capital letters":  &broken{name: "Raw"},
		"number too large": &broken{name: "raw", id: 16},
	} {
		if err := identity(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := identity(&broken{name: "mine", id: 15}); err != nil {
		t.Error(err)
	}
}
