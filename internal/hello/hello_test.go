// SPDX-License-Identifier: Apache-2.0

package hello_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/protocol"
)

// method is a compressor in name and number alone.
type method struct {
	compress.Compressor
	id   protocol.CompressType
	name string
}

func (m method) ID() protocol.CompressType { return m.id }
func (m method) Name() string              { return m.name }

func set(t testing.TB, methods ...compress.Compressor) *compress.Set {
	t.Helper()
	s, err := compress.NewSet(methods...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The keys, names and tokens are on the wire and in spec.md; they must not change.
func TestNamesOnTheWire(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		hello.OfferKey:     "__rpcx_offer",
		hello.AcceptKey:    "__rpcx_accept",
		hello.Service:      "_rpcx",
		hello.CancelMethod: "cancel",
		hello.DrainMethod:  "drain",
	} {
		if got != want {
			t.Errorf("%q is sent, spec.md says %q", got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		methods []compress.Compressor
		want    string
	}{
		{"none", nil, "cancel drain"},
		{"gzip", []compress.Compressor{gzip.New()}, "cancel drain compress:gzip=1"},
		{"two, by number", []compress.Compressor{method{id: 7, name: "zstd"}, gzip.New()}, "cancel drain compress:gzip=1 compress:zstd=7"},
	} {
		if got := hello.Format(set(t, c.methods...)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	zstd := method{id: 7, name: "zstd"}
	for _, c := range []struct {
		tokens              string
		cancel, drain, zstd bool
	}{
		{"", false, false, false},
		{"cancel", true, false, false},
		{"drain", false, true, false},
		{"cancel drain compress:zstd=7", true, true, true},
		{"compress:zstd=7 drain cancel", true, true, true},
		{"  cancel \t drain\n", true, true, false},
		{"cancel cancel", true, false, false},
		{"Cancel DRAIN", false, false, false},
		{"canceled drainage recancel", false, false, false},
		{"cancel=1 drain:2", false, false, false},
		{"future other:thing=3 cancel", true, false, false},
		{"compress:zstd=6", false, false, false},
		{"compress:lz4=7", false, false, false},
		{"compress:zstd=7 compress:lz4=7", false, false, false},
		{"compress:lz4=7 compress:zstd=7", false, false, true},
		{"compress:ZSTD=7", false, false, false},
		{"compress:zstd", false, false, false},
		{"compress:zstd=", false, false, false},
		{"compress:zstd=8", false, false, false},
		{"compress:zstd=263", false, false, false}, // 7 with a bit too many
		{"compress:zstd=-1", false, false, false},
		{"compress:zstd=+7", false, false, false},
		{"compress:zstd=0x7", false, false, false},
		{"compress:zstd=7=7", false, false, false},
		{"compress:=7 compress:", false, false, false},
		{"compress:zstd=99999999999999999999999", false, false, false},
		{"\x00 \xff cancel", true, false, false},
	} {
		got := hello.Parse(c.tokens)
		if got.Cancel != c.cancel || got.Drain != c.drain || got.Inflates(zstd) != c.zstd {
			t.Errorf("%q: cancel %t drain %t zstd %t, want %t %t %t", c.tokens,
				got.Cancel, got.Drain, got.Inflates(zstd), c.cancel, c.drain, c.zstd)
		}
	}
}

// Every peer has gzip, the classic ones that never said hello too.
func TestGzipNeedsNoToken(t *testing.T) {
	t.Parallel()
	var classic *hello.Capabilities
	if !classic.Inflates(gzip.New()) || !hello.Parse("").Inflates(gzip.New()) {
		t.Error("a peer is denied gzip, which each has")
	}
	if classic.Inflates(method{id: 2, name: "snappy"}) {
		t.Error("a peer that said nothing is sent snappy")
	}
}

// What one side formats the other understands.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	var methods []compress.Compressor
	for id := protocol.Gzip; id <= protocol.MaxCompressType; id++ {
		methods = append(methods, method{id: id, name: fmt.Sprintf("method-%d", id)})
	}
	got := hello.Parse(hello.Format(set(t, methods...)))
	if !got.Cancel || !got.Drain {
		t.Errorf("cancel %t, drain %t, want both", got.Cancel, got.Drain)
	}
	for _, z := range methods {
		if !got.Inflates(z) {
			t.Errorf("%s is lost on the way", z.Name())
		}
	}
}

// Peers may send anything, and much of it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "cancel drain compress:zstd=7", "compress:=", "compress:a=8 compress:b=0", "\xff\x00", strings.Repeat("x ", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tokens string) {
		got := hello.Parse(tokens)
		if got.Cancel && !strings.Contains(tokens, "cancel") || got.Drain && !strings.Contains(tokens, "drain") {
			t.Errorf("%q is said to grant cancel %t, drain %t", tokens, got.Cancel, got.Drain)
		}
		for id := protocol.CompressType(2); id <= protocol.MaxCompressType; id++ {
			z := method{id: id, name: "zstd"}
			if got.Inflates(z) && !strings.Contains(tokens, "compress:zstd=") {
				t.Errorf("%q is said to grant zstd as number %d", tokens, id)
			}
		}
	})
}
