// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"fmt"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// wakes hands out the same bytes for ever, one batch after the other, as a socket
// does: a read takes what fits of the batch that is there, never of the next one.
type wakes struct {
	batch []byte
	rest  []byte
	reads int
}

func (w *wakes) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		w.rest = w.batch
	}
	w.reads++
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// batchOf returns n requests with payloads of the given length.
func batchOf(tb testing.TB, n, payload int) []byte {
	tb.Helper()
	var b []byte
	for i := range n {
		b = append(b, request(tb, uint64(i), payload)...)
	}
	return b
}

func BenchmarkParse(b *testing.B) {
	plain := request(b, 7, 581)
	withMetadata := mustEncode(b, &protocol.Message{
		Service:  "Arith",
		Method:   "Mul",
		Metadata: protocol.Pairs("__AUTH", "bearer token", "__ServerTimeout", "1500", "trace", "abc"),
		Payload:  make([]byte, 581),
	})
	for _, c := range []struct {
		name  string
		frame []byte
	}{{"plain", plain}, {"metadata", withMetadata}} {
		b.Run(c.name, func(b *testing.B) {
			lim := defaults()
			var f protocol.Frame
			b.SetBytes(int64(len(c.frame)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Parse(c.frame, lim); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	h := protocol.Header{Serialize: protocol.ProtoBuffer, Seq: 7}
	payload := make([]byte, 581)
	buf := make([]byte, 0, 1024)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		dst, mark := protocol.AppendHead(buf, &h, "Arith", "Mul")
		dst = protocol.AppendPair(dst, "__ServerTimeout", "1500")
		dst = mark.EndMetadata(dst)
		dst = append(dst, payload...)
		if err := mark.Finish(dst); err != nil {
			b.Fatal(err)
		}
	}
}

// One operation is one frame.
func BenchmarkReaderNext(b *testing.B) {
	for _, c := range []struct{ frames, payload int }{
		{1, 581}, {50, 581}, {1, 10 << 10}, {1, 64 << 10}, {4, 64 << 10}, {1, 1 << 20},
	} {
		b.Run(fmt.Sprintf("%dx%d", c.frames, c.payload), func(b *testing.B) {
			src := &wakes{batch: batchOf(b, c.frames, c.payload)}
			r := protocol.NewReader(src, protocol.Limits{})
			b.SetBytes(int64(len(src.batch) / c.frames))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(src.reads)/float64(n), "reads/op")
		})
	}
}

func BenchmarkMetadataLookup(b *testing.B) {
	block, _ := protocol.Pairs("trace", "abc", "__AUTH", "bearer token", "__ServerTimeout", "1500").AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := protocol.LookupBlock(block, "__ServerTimeout"); !ok {
			b.Fatal("not found")
		}
	}
}
