// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/protocol"
)

// Frames are taken off a stream one at a time.
func ExampleReader() {
	var stream bytes.Buffer
	for _, text := range []string{"one", "two"} {
		m := protocol.Message{Service: "Echo", Method: "Bytes", Payload: []byte(text)}
		b, err := m.AppendBinary(nil)
		if err != nil {
			log.Fatal(err)
		}
		stream.Write(b)
	}

	r := protocol.NewReader(&stream, protocol.Limits{})
	for {
		f, err := r.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s.%s %s\n", f.Service, f.Method, f.Payload)
	}
	// Output:
	// Echo.Bytes one
	// Echo.Bytes two
	// EOF
}

// A frame is encoded in one pass, straight into an outgoing buffer.
func ExampleAppendHead() {
	h := protocol.Header{Serialize: protocol.JSON, Seq: 1}
	dst, mark := protocol.AppendHead(nil, &h, "Arith", "Mul")
	dst = protocol.AppendPair(dst, "k", "v")
	dst = mark.EndMetadata(dst)
	dst = append(dst, `{"A":6,"B":7}`...)
	if err := mark.Finish(dst); err != nil {
		log.Fatal(err)
	}
	fmt.Print(hex.Dump(dst))
	// Output:
	// 00000000  08 00 00 10 00 00 00 00  00 00 00 01 00 00 00 2f  |.............../|
	// 00000010  00 00 00 05 41 72 69 74  68 00 00 00 03 4d 75 6c  |....Arith....Mul|
	// 00000020  00 00 00 0a 00 00 00 01  6b 00 00 00 01 76 00 00  |........k....v..|
	// 00000030  00 0d 7b 22 41 22 3a 36  2c 22 42 22 3a 37 7d     |..{"A":6,"B":7}|
}

// Metadata never changes; each method that looks like a change returns new metadata.
func ExampleMetadata() {
	md := protocol.Pairs("tenant", "blue", "trace", "abc")
	changed := md.With("tenant", "green").Without("trace")
	fmt.Println(md.Get("tenant"), changed.Get("tenant"), changed.Len())
	// Output: blue green 1
}
