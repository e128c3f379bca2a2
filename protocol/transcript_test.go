// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// chunks hands its bytes out at most n at a time.
type chunks struct {
	data []byte
	n    int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

// Every run of frames that a real client or server sent reads as exactly the
// frames that the independent decoder saw, however the stream cuts it up.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	total := 0
	for _, tr := range vectors(t).Transcripts {
		for i, step := range tr.Steps {
			if len(step.Frames) == 0 || step.Hex == "" {
				continue
			}
			total += len(step.Frames)
			data := unhex(t, step.Hex)
			for _, n := range []int{1, 7, len(data)} {
				t.Run(fmt.Sprintf("%s/%d-%s%s/by-%d", tr.ID, i, step.From, step.Conn, n), func(t *testing.T) {
					t.Parallel()
					r := protocol.NewReader(&chunks{data: data, n: n}, protocol.Limits{})
					for j := range step.Frames {
						f, err := r.Next()
						if err != nil {
							t.Fatalf("frame %d: %v", j, err)
						}
						if d := step.Frames[j].diff(t, f); d != "" {
							t.Errorf("frame %d: %s", j, d)
						}
					}
					if f, err := r.Next(); !errors.Is(err, io.EOF) {
						t.Errorf("after the last frame: %v, %v, want EOF", f, err)
					}
				})
			}
		}
	}
	if total < 90 {
		t.Errorf("%d frames in the transcripts, expected about 100: the file is read wrongly", total)
	}
}

// All frame vectors in one stream, in chunks that fit neither the frames nor the
// reader's buffers.
func TestVectorsAsOneStream(t *testing.T) {
	t.Parallel()
	var stream []byte
	frames := vectors(t).Frames
	for i := range frames {
		stream = append(stream, frames[i].bytesOf(t)...)
	}
	for _, n := range []int{61, 4096, 4097, 65536, 1 << 20, len(stream)} {
		t.Run(fmt.Sprintf("by-%d", n), func(t *testing.T) {
			t.Parallel()
			r := protocol.NewReader(&chunks{data: stream, n: n}, protocol.Limits{})
			rest := stream
			for i := range frames {
				f, err := r.Next()
				if err != nil {
					t.Fatalf("%s: %v", frames[i].ID, err)
				}
				got, err := f.Message().AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.HasPrefix(rest, got) {
					t.Fatalf("%s: read as other bytes than were sent", frames[i].ID)
				}
				rest = rest[len(got):]
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("after the last frame: %v, want EOF", err)
			}
		})
	}
}
