// SPDX-License-Identifier: Apache-2.0

// Package vectors reads the golden payloads that were recorded from real rpcx, for
// the tests of the codecs.
package vectors

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// Payload is one recorded encoding.
type Payload struct {
	ID      string
	Type    string // what was encoded, in words
	Compare string // exact, map-unordered or decode-only
	Data    []byte
}

// Exact reports whether an encoder must reproduce the very bytes.
func (p Payload) Exact() bool { return p.Compare == "exact" }

// Load returns the recorded payloads of one serialize type. The root is the path
// from the package under test to the top of the repository. There being none fails
// the test.
func Load(tb testing.TB, root string, id protocol.SerializeType) []Payload {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(root, "protocol", "testdata", "vectors.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var file struct {
		Codecs []struct {
			ID            string                 `json:"id"`
			SerializeType protocol.SerializeType `json:"serialize_type"`
			Type          string                 `json:"type"`
			Hex           string                 `json:"hex"`
			Compare       string                 `json:"compare"`
		} `json:"codecs"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	var payloads []Payload
	for _, c := range file.Codecs {
		if c.SerializeType != id {
			continue
		}
		data, err := hex.DecodeString(c.Hex)
		if err != nil {
			tb.Fatalf("vector %s: %v", c.ID, err)
		}
		payloads = append(payloads, Payload{ID: c.ID, Type: c.Type, Compare: c.Compare, Data: data})
	}
	if len(payloads) == 0 {
		tb.Fatalf("no vector has serialize type %d", id)
	}
	return payloads
}
