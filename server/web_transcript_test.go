// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"
)

// What clients of rpcx have sent to its HTTP CONNECT and WebSocket servers, we answer on
// the port of everything as those did, but for the heads, of which a part counts.
func TestUpgradeTranscripts(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // what the head of the answer must hold
		"http-connect":              "HTTP/1.0 200 Connected to rpcx\n\n",
		"http-connect-wrong-method": "HTTP/1.1 426", // there is a WebSocket at that path
		"http-connect-wrong-path":   "HTTP/1.0 404 Not Found\r\n",
		"websocket":                 "\r\nSec-WebSocket-Accept: x51PxM1oydNUS5RRq2acjCQD+h0=\r\n",
		"websocket-no-origin":       "HTTP/1.1 101", // no page in a browser does without it
	}
	all := transcripts(t)
	for id := range all {
		if _, ok := tests[id]; !ok && (strings.HasPrefix(id, "http-") || strings.HasPrefix(id, "websocket")) {
			t.Errorf("nobody looks at %s", id)
		}
	}
	for id, want := range tests {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			p := openPort(t)
			defer p.close(t)
			nc := p.dial(t)
			defer nc.Close()
			var head []byte
			for i, step := range all[id].Steps {
				b, err := hex.DecodeString(step.Hex)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case len(b) == 0: // the end of one of the sides
				case step.From == "client":
					if _, err := nc.Write(b); err != nil {
						t.Fatalf("step %d: %v", i, err)
					}
				case head == nil:
					head = readHead(t, nc)
					if !strings.Contains(string(head), want) {
						t.Errorf("answered %q, want %q", head, want)
					}
				default:
					got := make([]byte, len(b))
					if n, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, b) {
						t.Errorf("step %d: %x, %v, want %x", i, got[:n], err, b)
					}
				}
			}
			if head == nil {
				t.Error("there was no answer")
			}
		})
	}
}

// readHead reads up to the first empty line.
func readHead(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\n\n")) && !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("after %q: %v", head, err)
		}
		head = append(head, b[0])
	}
	return head
}
