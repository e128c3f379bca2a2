// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	t.Parallel()
	src := make([]byte, 100)
	for i := range src {
		src[i] = byte(i * 7)
	}
	key := [4]byte{1, 0x80, 0xff, 0x37}
	want := make([]byte, len(src))
	for i := range src {
		want[i] = src[i] ^ key[i%4]
	}
	for step := 1; step <= len(src); step++ { // in pieces of every size
		m := mask{key: key}
		got := bytes.Clone(src)
		for rest := got; len(rest) > 0; {
			n := min(step, len(rest))
			m.apply(rest[:n], rest[:n])
			rest = rest[n:]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("in pieces of %d: other bytes", step)
		}
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{0, 1, 125, 126, 127, 0xffff, 0x10000, 1<<63 - 1} {
		for _, masked := range []bool{false, true} {
			want := header{op: opBinary, final: length%2 == 0, masked: masked, length: length}
			if masked {
				want.mask.key = [4]byte{1, 2, 3, 4}
			}
			b := want.appendTo(nil)
			if n := headerSize(b); n != len(b) {
				t.Errorf("headerSize of %x = %d", b, n)
			}
			if got, err := parseHeader(b); err != nil || got != want {
				t.Errorf("%+v is %x, and that is %+v, %v", want, b, got, err)
			}
		}
	}
}

// unhex makes bytes of hexadecimal digits, with blanks between them.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// streams are what may come in at the end of a server or of a client.
var streams = []struct { //nolint:gochecknoglobals // a table of constants
	name   string
	client bool
	in     string
	want   string // what is read
	err    string // part of the error that ends it; "": io.EOF
}{
	{"empty", true, "", "", ""},
	{"text", true, "81 02 6869", "hi", ""},
	{"binary, no utf-8", true, "82 02 ff fe", "\xff\xfe", ""},
	{"text, no utf-8", true, "81 02 ff fe", "\xff\xfe", ""},
	{"two frames", true, "82 01 61 82 01 62", "ab", ""},
	{"in parts", true, "02 01 61 00 01 62 80 01 63", "abc", ""},
	{"a ping between parts", true, "02 01 61 89 01 78 80 01 63", "ac", ""},
	{"empty frames", true, "82 00 82 00 82 01 61", "a", ""},
	{"a pong nobody asked for", true, "8a 03 787878 82 01 61", "a", ""},
	{"16 bits of length", true, "82 7e 007e " + strings.Repeat("61", 126), strings.Repeat("a", 126), ""},
	{"close", true, "82 01 61 88 02 03e8 82 01 62", "a", ""},
	{"close, going away", true, "88 02 03e9", "", ""},
	{"close without a code", true, "88 00", "", ""},
	{"close for a reason", true, "88 05 03f0 6e6f21", "", `closed by the peer with code 1008: "no!"`},
	{"close with half a code", true, "88 01 03", "", "half a code"},
	{"masked", false, "82 83 01020304 606060", "abc", ""},
	{"a close of a real client", false, "88 82 39df85e8 3a37", "", ""},
	{"not masked", false, "82 01 61", "", "masked"},
	{"masked by a server", true, "82 81 00000000 61", "", "masked"},
	{"reserved bit", true, "c2 01 61", "", "reserved"},
	{"unknown kind", true, "83 01 61", "", "unknown kind 3"},
	{"unknown control", true, "8b 00", "", "unknown kind 11"},
	{"ping in parts", true, "09 00", "", "control frame"},
	{"long ping", true, "89 7e 0080", "", "control frame"},
	{"continues nothing", true, "80 01 61", "", "out of order"},
	{"message within one", true, "02 01 61 82 01 62", "a", "out of order"},
	{"needless 16 bits", true, "82 7e 0001 61", "", "longer than needed"},
	{"needless 64 bits", true, "82 7f 0000000000000001 61", "", "out of its range"},
	{"negative length", true, "82 7f 8000000000000000", "", "out of its range"},
	{"huge claim, then the end", true, "82 7f 7fffffffffffffff 6161", "aa", "unexpected EOF"},
	{"end in a header", true, "82", "", "unexpected EOF"},
	{"end in a length", true, "82 7e 01", "", "unexpected EOF"},
	{"end in a ping", true, "89 02 61", "", "unexpected EOF"},
	{"http instead", false, "47455420 2f20 485454502f312e31", "", "reserved"},
}

func newReader(in io.Reader, client bool) *reader {
	return &reader{src: bufio.NewReaderSize(in, readBuffer), client: client, ping: func([]byte) {}}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, tt := range streams {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReader(bytes.NewReader(unhex(t, tt.in)), tt.client)
			var got []byte
			var err error
			for b := make([]byte, 3); err == nil; {
				var n int
				n, err = r.read(b)
				got = append(got, b[:n]...)
			}
			if string(got) != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
			if tt.err == "" && err != io.EOF { //nolint:errorlint // readers look for the bare value
				t.Errorf("ended with %v, want the bare io.EOF", err)
			}
			if !strings.Contains(err.Error(), tt.err) {
				t.Errorf("ended with %v, want %q", err, tt.err)
			}
			if _, again := r.read(make([]byte, 1)); !errors.Is(again, err) {
				t.Errorf("and then %v", again)
			}
		})
	}
}

// stutter fails with a time-out before every byte.
type stutter struct {
	in   io.Reader
	even bool
}

var errLate = errors.New("late")

func (s *stutter) Read(p []byte) (int, error) {
	if s.even = !s.even; s.even {
		return 0, errLate
	}
	return s.in.Read(p[:min(1, len(p))])
}

// TestDeadlinesTakeNothing: wherever a deadline passes, the next read goes on there.
func TestDeadlinesTakeNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range streams {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReader(&stutter{in: bytes.NewReader(unhex(t, tt.in))}, tt.client)
			var got []byte
			err := errLate
			for b := make([]byte, 3); errors.Is(err, errLate) || err == nil; {
				var n int
				n, err = r.read(b)
				got = append(got, b[:n]...)
			}
			if string(got) != tt.want || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("read %q, %v, want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// FuzzReader: nothing that comes in makes the reader fail in another way than with an
// error, or hand out more than came in.
func FuzzReader(f *testing.F) {
	for _, s := range streams {
		f.Add(unhex(f, s.in), s.client)
	}
	f.Fuzz(func(t *testing.T, in []byte, client bool) {
		whole, err := io.ReadAll(readerFunc(newReader(bytes.NewReader(in), client).read))
		if len(whole) > len(in) {
			t.Fatalf("%d bytes came of %d", len(whole), len(in))
		}
		r := newReader(&stutter{in: bytes.NewReader(in)}, client)
		parts, again := io.ReadAll(readerFunc(func(p []byte) (int, error) {
			n, err := r.read(p)
			if errors.Is(err, errLate) {
				err = nil
			}
			return n, err
		}))
		if !bytes.Equal(whole, parts) || (err == nil) != (again == nil) {
			t.Fatalf("%q, %v in one piece, %q, %v byte by byte", whole, err, parts, again)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
