// SPDX-License-Identifier: Apache-2.0

package gzip

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// vectors is the part of the golden data that is about gzip: frames that real rpcx
// wrote, with what their payload was made from, and frames that it refuses.
type vectors struct {
	Frames []struct {
		ID, Compare, Hex string
		Decoded          struct {
			Length int     `json:"payload_length"`
			Hex    *string `json:"payload_hex"`
			SHA256 string  `json:"payload_sha256"`
		}
	}
	Malformed []struct{ ID, Hex string }
}

func load(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile("../../protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// payload returns the payload of a frame as it is on the wire.
func payload(t *testing.T, frameHex string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(frameHex)
	if err != nil {
		t.Fatal(err)
	}
	var f protocol.Frame
	lim := protocol.Limits{}.WithDefaults()
	if err := f.Parse(raw, &lim); err != nil {
		t.Fatal(err)
	}
	if f.Compress != protocol.Gzip {
		t.Fatalf("compress type %v, want gzip", f.Compress)
	}
	return f.Payload
}

func TestFramesOfRealPeers(t *testing.T) {
	t.Parallel()
	c, n := New(), 0
	for _, v := range load(t).Frames {
		if v.Compare != "gzip" {
			continue
		}
		n++
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			got, err := c.Decompress(nil, payload(t, v.Hex), v.Decoded.Length)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != v.Decoded.Length {
				t.Errorf("%d bytes, want %d", len(got), v.Decoded.Length)
			}
			if v.Decoded.Hex != nil && hex.EncodeToString(got) != *v.Decoded.Hex {
				t.Errorf("content %x, want %s", got, *v.Decoded.Hex)
			}
			sum := sha256.Sum256(got)
			if v.Decoded.SHA256 != "" && hex.EncodeToString(sum[:]) != v.Decoded.SHA256 {
				t.Errorf("content has SHA-256 %x, want %s", sum, v.Decoded.SHA256)
			}
			if v.Decoded.Hex == nil && v.Decoded.SHA256 == "" {
				t.Error("the vector says nothing about the content")
			}
		})
	}
	if n < 6 {
		t.Errorf("%d vectors with gzip payloads, want at least 6", n)
	}
}

func TestMalformedPayloads(t *testing.T) {
	t.Parallel()
	c, n := New(), 0
	for _, v := range load(t).Malformed {
		if !strings.HasPrefix(v.ID, "gzip-") {
			continue
		}
		n++
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			if got, err := c.Decompress(nil, payload(t, v.Hex), 1<<20); err == nil {
				t.Errorf("no error, and content %q", got)
			}
		})
	}
	if n < 2 {
		t.Errorf("%d malformed gzip vectors, want at least 2", n)
	}
}
