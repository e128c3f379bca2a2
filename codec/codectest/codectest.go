// SPDX-License-Identifier: Apache-2.0

// Package codectest is the suite that every [codec.Codec] passes. An implementation
// runs it on values of its own choice:
//
//	func TestCodec(t *testing.T) {
//		codectest.Run(t, mycodec.Codec{},
//			codectest.Case{Name: "point", Value: &Point{1, 2}, New: func() any { return new(Point) }},
//		)
//	}
//
// The suite checks what the interface promises: values survive a round trip, Append
// appends and leaves what is there alone, decoded values do not share memory with
// the input, no input makes the codec panic, and everything may run concurrently
// (run it under the race detector). Small values are best: each one is cut and
// damaged at every byte.
package codectest

import (
	"reflect"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
)

// Case is one value for the suite.
type Case struct {
	// Name is the name of the subtest.
	Name string
	// Value is what Append gets: a value or a pointer.
	Value any
	// New returns a fresh pointer for Unmarshal to decode into.
	New func() any
	// Equal compares what Value and New's results are or point to. Nil means
	// [reflect.DeepEqual] on what the pointers point to.
	Equal func(want, got any) bool
}

// Run runs the suite.
func Run(t *testing.T, c codec.Codec, cases ...Case) {
	t.Helper()
	if len(cases) == 0 {
		t.Fatal("codectest: Run without a case checks nothing")
	}
	t.Run("identity", func(t *testing.T) {
		t.Parallel()
		report(t, identity(c))
	})
	for _, cs := range cases {
		t.Run(cs.Name, func(t *testing.T) {
			for name, check := range checks() {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					report(t, check(c, cs))
				})
			}
		})
	}
}

func report(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func (cs Case) equal(got any) bool {
	if cs.Equal != nil {
		return cs.Equal(cs.Value, got)
	}
	return reflect.DeepEqual(target(cs.Value), target(got))
}

func target(v any) any {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return v
	}
	return p.Elem().Interface()
}
