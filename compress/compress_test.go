// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// fake is a compressor with a number and a name and nothing to it.
type fake struct {
	id   protocol.CompressType
	name string
}

func (f fake) ID() protocol.CompressType                       { return f.id }
func (f fake) Name() string                                    { return f.name }
func (fake) Compress(dst, src []byte) ([]byte, error)          { return append(dst, src...), nil }
func (fake) Decompress(dst, src []byte, _ int) ([]byte, error) { return append(dst, src...), nil }

func TestSet(t *testing.T) {
	t.Parallel()
	a, b, last := fake{1, "a"}, fake{7, "b"}, fake{1, "last"}
	tests := []struct {
		name string
		give []compress.Compressor
		want map[protocol.CompressType]string
		all  string
	}{
		{"empty", nil, nil, ""},
		{"two", []compress.Compressor{b, a}, map[protocol.CompressType]string{1: "a", 7: "b"}, "a b"},
		{"same number", []compress.Compressor{a, b, last}, map[protocol.CompressType]string{1: "last", 7: "b"}, "last b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := compress.NewSet(tt.give...)
			if err != nil {
				t.Fatal(err)
			}
			for id := range protocol.CompressType(255) {
				name := ""
				if c := set.Lookup(id); c != nil {
					name = c.Name()
				}
				if name != tt.want[id] {
					t.Errorf("Lookup(%d) = %q, want %q", id, name, tt.want[id])
				}
			}
			var names []string
			for _, c := range set.All() {
				names = append(names, c.Name())
			}
			if got := strings.Join(names, " "); got != tt.all {
				t.Errorf("All() = %q, want %q", got, tt.all)
			}
		})
	}
}

func TestSetZeroValue(t *testing.T) {
	t.Parallel()
	var set compress.Set
	if c := set.Lookup(protocol.Gzip); c != nil {
		t.Errorf("Lookup = %v, want nil", c)
	}
	if all := set.All(); len(all) != 0 {
		t.Errorf("All = %v, want none", all)
	}
}

func TestSetRefusesNumbers(t *testing.T) {
	t.Parallel()
	for _, id := range []protocol.CompressType{protocol.None, 8, 255} {
		_, err := compress.NewSet(fake{2, "good"}, fake{id, "bad"})
		if err == nil || !strings.Contains(err.Error(), "bad") {
			t.Errorf("number %d: error %v, want one that names the compressor", id, err)
		}
	}
}

// TestSetIsImmutable changes what All returned.
func TestSetIsImmutable(t *testing.T) {
	t.Parallel()
	set, err := compress.NewSet(fake{1, "a"})
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(set.All())
	set.All()[0] = fake{1, "changed"}
	if !slices.Equal(set.All(), before) {
		t.Errorf("All = %v, want %v", set.All(), before)
	}
}
