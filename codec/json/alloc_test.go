// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// items at random.

package json_test

import (
	stdjson "encoding/json"
	"testing"

	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/json"
)

// TestAllocations: the codec adds none to those of encoding/json, and does without
// those of Marshal's result.
func TestAllocations(t *testing.T) {
	everything := vectors.SampleEverything()
	dst := make([]byte, 0, 4096)
	data, err := json.Codec{}.Append(nil, &everything)
	if err != nil {
		t.Fatal(err)
	}
	allocs := func(f func() error) float64 {
		return testing.AllocsPerRun(1000, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
	}
	want := allocs(func() error { _, err := stdjson.Marshal(&everything); return err }) - 1
	if got := allocs(func() error { _, err := json.Codec{}.Append(dst, &everything); return err }); got > want {
		t.Errorf("Append allocates %v times, want at most %v", got, want)
	}
	// Unmarshal's own state is one allocation; decoders that are used again have theirs.
	want = allocs(func() error { return stdjson.Unmarshal(data, new(vectors.Everything)) }) - 1
	if got := allocs(func() error { return json.Codec{}.Unmarshal(data, new(vectors.Everything)) }); got > want {
		t.Errorf("Unmarshal allocates %v times, want at most %v", got, want)
	}
}
