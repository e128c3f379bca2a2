// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// specExamples are the frames that spec.md shows, by the name of their block.
func specExamples() map[string]protocol.Message {
	arith := func(h protocol.Header, md protocol.Metadata, payload string) protocol.Message {
		return protocol.Message{Header: h, Service: "Arith", Method: "Mul", Metadata: md, Payload: []byte(payload)}
	}
	const offer = "cancel drain compress:zstd=7"
	return map[string]protocol.Message{
		"smallest": {},
		"request":  arith(protocol.Header{Serialize: protocol.JSON, Seq: 1}, protocol.Pairs("k", "v"), `{"A":6,"B":7}`),
		"reply":    arith(protocol.Header{Type: protocol.Response, Serialize: protocol.JSON, Seq: 1}, protocol.Metadata{}, `{"C":42}`),
		"error": arith(protocol.Header{Type: protocol.Response, Status: protocol.Error, Serialize: protocol.JSON, Seq: 2},
			protocol.Pairs("__rpcx_error__", "rpcx: can't find method Mul", "__rpcx_code", "12", "__rpcx_not_executed", "1"), ""),
		"deadline": arith(protocol.Header{Serialize: protocol.JSON, Seq: 3}, protocol.Pairs("__ServerTimeout", "1500"), "{}"),
		"push":     {Header: protocol.Header{Oneway: true, Seq: 1}, Service: "prices", Method: "EURUSD", Payload: []byte("1.08")},
		"hello":    {Header: protocol.Header{Heartbeat: true}, Metadata: protocol.Pairs("__rpcx_offer", offer)},
		"hello-answer": {
			Header:   protocol.Header{Type: protocol.Response, Heartbeat: true},
			Metadata: protocol.Pairs("__rpcx_accept", "cancel drain"),
		},
		"hello-echo": {
			Header:   protocol.Header{Type: protocol.Response, Heartbeat: true},
			Metadata: protocol.Pairs("__rpcx_offer", offer),
		},
		"cancel": {Header: protocol.Header{Oneway: true, Seq: 3}, Service: "_rpcx", Method: "cancel"},
		"drain":  {Header: protocol.Header{Oneway: true}, Service: "_rpcx", Method: "drain"},
	}
}

// specBlocks returns the bytes of the blocks of spec.md that are fenced as "hex NAME".
func specBlocks(t *testing.T) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("spec.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := make(map[string][]byte)
	name, inside := "", false
	for n, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "```hex "):
			name, inside = strings.TrimPrefix(line, "```hex "), true
			if _, twice := blocks[name]; twice {
				t.Errorf("line %d: block %q is there twice", n+1, name)
			}
			blocks[name] = nil
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			digits, _, _ := strings.Cut(line, ";")
			b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			if err != nil {
				t.Fatalf("line %d: %v", n+1, err)
			}
			blocks[name] = append(blocks[name], b...)
		}
	}
	return blocks
}

// The examples of spec.md are what this package reads and writes.
func TestSpecExamples(t *testing.T) {
	t.Parallel()
	blocks, examples := specBlocks(t), specExamples()
	for name, m := range examples {
		want := mustEncode(t, &m)
		got, ok := blocks[name]
		if !ok || !bytes.Equal(got, want) {
			t.Errorf("%s should be in spec.md as\n```hex %s\n%s```", name, name, fields(want))
			continue
		}
		frames, err := readAll(got, protocol.Limits{})
		if len(frames) != 1 {
			t.Errorf("%s is not one frame: %v", name, err)
		}
	}
	for name := range blocks {
		if _, ok := examples[name]; !ok {
			t.Errorf("spec.md shows %q, which this test does not know", name)
		}
	}
}

// fields writes a frame one field a line, as spec.md shows it.
func fields(b []byte) string {
	var out strings.Builder
	line := func(b []byte, comment string) {
		for len(b) > 16 {
			fmt.Fprintf(&out, "% x\n", b[:16])
			b = b[16:]
		}
		fmt.Fprintf(&out, "%-47s ; %s\n", fmt.Sprintf("% x", b), comment)
	}
	line(b[:4], "magic, version, flags, codec")
	line(b[4:12], "sequence id")
	line(b[12:16], "total length")
	at := fieldOffsets(b)
	for i, name := range []string{"service", "method", "metadata", "payload"} {
		end := len(b)
		if i < 3 {
			end = at[i+1]
		}
		line(b[at[i]:at[i]+4], "length")
		if end > at[i]+4 {
			line(b[at[i]+4:end], name)
		}
	}
	return out.String()
}

// The limits that spec.md names are the defaults.
func TestSpecLimits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("spec.md")
	if err != nil {
		t.Fatal(err)
	}
	lim := defaults()
	for _, row := range []string{
		fmt.Sprintf("| total length | %d MiB |", lim.Frame>>20),
		fmt.Sprintf("| payload, decompressed | %d MiB |", lim.Payload>>20),
		fmt.Sprintf("| service name, method name, each | %d bytes |", lim.Name),
		fmt.Sprintf("| metadata block | %d KiB |", lim.Metadata>>10),
		fmt.Sprintf("| metadata pairs | %d |", lim.Pairs),
		fmt.Sprintf("| time for 64 KiB of a frame that has begun, or its end | %d s |", int(lim.Stall.Seconds())),
	} {
		if !strings.Contains(string(text), row) {
			t.Errorf("spec.md has no row %q", row)
		}
	}
}
