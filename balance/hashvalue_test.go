// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"
)

type point struct{ X, Y int }

type named string

type stamped struct {
	At    time.Time
	Err   error
	Inner point
	small int8
	any   any
}

// What hashes as the text that fmt prints for it.
func printed() []any {
	return []any{
		nil, "", "text", named("n"), true, false, 0, -42, int8(-8), int64(math.MinInt64), uint8(200), uint64(math.MaxUint64), uintptr(7),
		0.0, 1.5, -1e-7, 1e20, 1e21, 123456789.0, float32(0.1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64,
		math.Copysign(0, -1), complex(1, -2.5), complex64(complex(0, 1)),
		[]byte{1, 2},
		[]byte(nil),
		[]string{"a", "", "b c"},
		[]string{},
		[3]bool{true},
		[][]int{{1}, nil, {2, 3}},
		[]any{1, "a", nil, 2.5},
		point{10, 20},
		&point{10, 20},
		struct{}{},
		&struct{}{}, (*point)(nil),
		struct{ P *point }{},
		map[string]int{"b": 1, "a": 2},
		map[int]string{10: "x", -1: "y", 2: "z"},
		map[string]int(nil),
		map[bool]int{true: 1},
		map[uint8]int{200: 1, 3: 2},
		map[float64]int{2.5: 1, -1: 2},
		map[named]point{"b": {1, 2}, "a": {}},
		&[]int{1, 2}, &map[string]int{"a": 1}, &[2]int{},
		time.Second,
		[]time.Duration{time.Second, 5},
		time.Unix(0, 0).UTC(), errors.New("broken"),
		[]error{errors.New("x"), nil},
		stamped{At: time.Unix(1, 0).UTC(), Err: errors.New("e"), Inner: point{1, 2}, small: -3, any: "x"},
		&stamped{any: 7},
		json.Number("12"), json.RawMessage("{}"), reflect.Int,
	}
}

func TestValueIsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	for _, v := range printed() {
		if got, want := newHash.value(v), newHash.text(fmt.Sprintf("%v", v)); got != want {
			t.Errorf("%T hashes differently from %q", v, fmt.Sprintf("%v", v))
		}
	}
}

type linked struct {
	N    int
	Next *linked
}

type message struct {
	state int
	A     int32
	B     *string
	size  int
}

func (*message) ProtoMessage()    {}
func (m *message) String() string { return fmt.Sprint("unstable", m.size, m.state) }

// Where fmt prints what changes from process to process, the hash goes by content.
func TestValueFollowsPointers(t *testing.T) {
	t.Parallel()
	number, b := 7, "b"
	for want, v := range map[string]any{
		"&{1 &{2 <nil>}}": &linked{1, &linked{2, nil}},
		"{1 &{2 <nil>}}":  linked{1, &linked{2, nil}},
		"&7":              &number,
		"[&7 <nil>]":      []*int{&number, nil},
		"map[a:&{1 2}]":   map[string]*point{"a": {1, 2}},
		"&&{1 2}":         func() **point { p := &point{1, 2}; return &p }(),
		"&{3 &b}":         &message{state: 1, A: 3, B: &b, size: 9},
		"{1 }": struct {
			N int
			C chan int
		}{1, make(chan int)},
	} {
		if newHash.value(v) != newHash.text(want) {
			t.Errorf("%T does not hash as %q", v, want)
		}
	}
	if newHash.value(&message{A: 3, B: &b, size: 1}) != newHash.value(&message{A: 3, B: &b, size: 2, state: 5}) {
		t.Error("a message that was encoded hashes differently")
	}
}

func TestValueThatPointsToItself(t *testing.T) {
	t.Parallel()
	loop := &linked{N: 1}
	loop.Next = loop
	other := &linked{N: 1}
	other.Next = other
	if newHash.value(loop) != newHash.value(other) {
		t.Error("two hashes of equal values")
	}
	var self any
	self = &self
	newHash.value(self)
	deep := map[string]any{}
	deep["x"] = []any{deep, deep}
	newHash.value(deep)
	type twin struct{ a, b *twin }
	twins := new(twin)
	twins.a, twins.b = twins, twins
	newHash.value(twins) // of 2^32 ways through it, few are followed
}

// The keys that rpcx makes of calls, and the FNV-1a that it hashes them to.
func TestKeysAreRpcxs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		service, method string
		args            any
		fnv             uint64
	}{
		{"Arith", "Mul", &struct{ A, B int }{10, 20}, 2377465108530270073},
		{"Arith", "Mul", struct{ A, B int }{10, 20}, 8781333937573140867},
		{"Arith", "Mul", "text", 13504687788015208089},
		{"Arith", "Mul", nil, 4025635678421264181},
		{"算术", "乘", 42, 1681744979784521644},
		{"Echo", "Bytes", []byte{1, 2}, 11621767844188905373},
		{"M", "m", map[string]int{"a": 2, "b": 1}, 15041857504808215802},
	} {
		h := newHash.byte('/').text(tt.service).byte('/').text(tt.method).byte('/').value(tt.args)
		if uint64(h) != tt.fnv {
			t.Errorf("/%s/%s/%v is %d, want %d", tt.service, tt.method, tt.args, uint64(h), tt.fnv)
		}
	}
}

// The mixed hash is that of the golden file, which another language wrote.
func TestHashGolden(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/ring.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct{ Hashes map[string]string }
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Hashes) == 0 {
		t.Fatal("the golden file has no hashes")
	}
	for s, want := range g.Hashes {
		if got := strconv.FormatUint(hashOf(s), 10); got != want {
			t.Errorf("the hash of %q is %s, want %s", s, got, want)
		}
	}
}

//nolint:paralleltest // counts allocations
func TestValueAllocatesLittle(t *testing.T) {
	s := "x"
	for name, v := range map[string]any{
		"string": "text", "number": 42, "struct": point{1, 2}, "pointer": &point{1, 2},
		"nested": &struct {
			P *point
			S []float64
			T *string
		}{&point{1, 2}, []float64{1, 2.5}, &s},
	} {
		if got := testing.AllocsPerRun(100, func() { newHash.value(v) }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func FuzzValue(f *testing.F) {
	f.Add("a", int64(1), 1.5, []byte{1}, true)
	f.Add("", int64(math.MinInt64), 1e21, []byte(nil), false)
	f.Fuzz(func(t *testing.T, s string, n int64, x float64, b []byte, pointer bool) {
		v := struct {
			S string
			N int64
			X float64
			F float32
			B []byte
			M map[string]float64
			A any
		}{s, n, x, float32(x), b, map[string]float64{s: x, "k": 1}, n}
		var args any = v
		if pointer {
			args = &v
		}
		if newHash.value(args) != newHash.text(fmt.Sprint(args)) {
			t.Errorf("hashes differently from %v", args)
		}
	})
}
