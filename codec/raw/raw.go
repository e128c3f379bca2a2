// SPDX-License-Identifier: Apache-2.0

// Package raw is the codec for payloads that are bytes already: serialize type 0.
// What a caller passes goes out as it is, and what comes in is copied.
//
// Values are a []byte or a pointer to one, also of a named type such as
// json.RawMessage. Anything else is an error, for there is no encoding here.
package raw

import (
	"fmt"
	"reflect"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// Codec is the raw codec. The zero value is ready for use.
type Codec struct{}

var _ codec.Codec = Codec{}

// ID returns [protocol.SerializeNone].
func (Codec) ID() protocol.SerializeType { return protocol.SerializeNone }

// Name returns "raw".
func (Codec) Name() string { return "raw" }

// Append appends a copy of the bytes that v is or points to. A nil slice is no
// bytes; a nil pointer is an error.
func (Codec) Append(dst []byte, v any) ([]byte, error) {
	switch b := v.(type) {
	case []byte:
		return append(dst, b...), nil
	case *[]byte:
		if b != nil {
			return append(dst, *b...), nil
		}
	}
	b := reflect.Indirect(reflect.ValueOf(v))
	if !isBytes(b) {
		return dst, fmt.Errorf("raw: cannot encode %s: want a []byte or a non-nil pointer to one", describe(v))
	}
	return append(dst, b.Bytes()...), nil
}

// Unmarshal copies data into the slice that v points to, within its capacity if
// that is enough.
func (Codec) Unmarshal(data []byte, v any) error {
	if b, ok := v.(*[]byte); ok && b != nil {
		*b = append((*b)[:0], data...)
		return nil
	}
	b := reflect.Indirect(reflect.ValueOf(v))
	if !isBytes(b) || !b.CanSet() {
		return fmt.Errorf("raw: cannot decode into %s: want a non-nil pointer to a []byte", describe(v))
	}
	b.SetBytes(append(b.Bytes()[:0], data...))
	return nil
}

func isBytes(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
}

// describe tells a nil pointer from a wrong type.
func describe(v any) string {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
		return fmt.Sprintf("a nil %T", v)
	}
	return fmt.Sprintf("%T", v)
}
