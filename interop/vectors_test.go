// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"
	"testing"
)

// vectorFile is what real peers put on the wire, as far as it is replayed here.
type vectorFile struct {
	Frames []struct {
		ID  string `json:"id"`
		Hex string `json:"hex"`
	} `json:"frames"`
	Malformed []struct {
		ID        string `json:"id"`
		Hex       string `json:"hex"`
		Behaviour struct {
			Answers  []frameVector `json:"server_answer_frames"`
			Closed   bool          `json:"server_closed_connection"`
			MaxFrame int           `json:"max_message_length_setting"`
		} `json:"rpcx_behaviour"`
	} `json:"malformed"`
	Transcripts []transcript `json:"transcripts"`
}

// transcript is what went over the connections of one session.
type transcript struct {
	ID        string `json:"id"`
	Transport string `json:"transport"`
	Steps     []step `json:"steps"`
}

// step is what one side sent before the other one did.
type step struct {
	From   string        `json:"from"`
	Conn   string        `json:"conn"`
	Event  string        `json:"event"`
	Hex    string        `json:"hex"`
	Frames []frameVector `json:"frames"`
}

// frameVector is a frame as an independent decoder read it. The payload is decompressed.
type frameVector struct {
	Version   uint8       `json:"version"`
	Flags     string      `json:"flags_byte"`
	Serialize uint8       `json:"serialize_type"`
	Reserved  uint8       `json:"reserved_low_nibble"`
	Seq       string      `json:"seq"`
	Service   string      `json:"service_path"`
	Method    string      `json:"service_method"`
	Metadata  [][2]string `json:"metadata"`
	Payload   string      `json:"payload_hex"`
}

var loadVectors = sync.OnceValues(func() (*vectorFile, error) {
	text, err := os.ReadFile("../protocol/testdata/vectors.json")
	if err != nil {
		return nil, err
	}
	v := new(vectorFile)
	if err := json.Unmarshal(text, v); err != nil {
		return nil, err
	}
	for i := range v.Transcripts {
		if tr := &v.Transcripts[i]; tr.ID == "service-panic" {
			tr.Steps = panicSteps()
		}
	}
	return v, nil
})

// panicSteps are those of the one transcript that was only described, because of the
// stack in it.
func panicSteps() []step {
	return []step{
		{From: "client", Hex: "08000030000000000000000000000021" + "000000054172697468" + "0000000550616e6963" + "00000000" + "0000000782a1410aa14214"},
		{From: "server", Frames: []frameVector{{
			Flags: "81", Serialize: 3, Seq: "0", Service: "Arith", Method: "Panic",
			Metadata: [][2]string{{"__rpcx_error__", "[service internal error]: boom, method: Panic, argv: &{A:10 B:20}, stack: *"}},
			Payload:  "81a14300",
		}}},
	}
}

func vectors(tb testing.TB) *vectorFile {
	tb.Helper()
	v, err := loadVectors()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func (v *vectorFile) transcript(tb testing.TB, id string) transcript {
	tb.Helper()
	for _, t := range v.Transcripts {
		if t.ID == id {
			return t
		}
	}
	tb.Fatalf("there is no transcript %q", id)
	return transcript{}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
