// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"fmt"
	"strings"

	"github.com/rpcx-go/rpcx/benchmark/pb"
)

// What rpcx-benchmark fills its message with.
const (
	text   = "许多往事在眼前一幕一幕，变的那麼模糊" // 54 bytes
	number = 100000
)

// Size is the length of the encoded message in bytes, when it has no payload.
const Size = 581

// NewMessage returns the request: every string, number and flag of it set, and a
// payload of the given number of bytes.
func NewMessage(payload int) *pb.BenchmarkMessage {
	m := &pb.BenchmarkMessage{
		Field1: text, Field9: text, Field18: text, Field4: text,
		Field7: text, Field102: text, Field103: text, Field129: text,

		Field2: number, Field3: number, Field280: number, Field6: number, Field22: number,
		Field16: number, Field130: number, Field104: number, Field100: number, Field101: number,
		Field29: number, Field60: number, Field271: number, Field272: number, Field150: number,
		Field23: number, Field25: number, Field67: number, Field68: number, Field128: number,
		Field131: number,

		Field80: true, Field81: true, Field59: true, Field12: true, Field17: true,
		Field13: true, Field14: true, Field30: true, Field24: true, Field78: true,
	}
	if payload > 0 {
		// Small messages are to be small: the payload alone, and what ties the reply to it.
		m = &pb.BenchmarkMessage{Payload: []byte(strings.Repeat("payload.", payload/8+1)[:payload])}
	}
	return m
}

// Tag makes m the request with the given number, which its reply will carry. All
// numbers take three bytes, so the length stays; they repeat after two million.
func Tag(m *pb.BenchmarkMessage, n int) {
	const first, end = 1 << 14, 1 << 21
	m.Field22 = int64(first + n%(end-first))
}

// Answer fills in the reply to args: the same, but for "OK" and 100.
func Answer(args, reply *pb.BenchmarkMessage) {
	reply.Field1, reply.Field2 = "OK", 100
	reply.Field9, reply.Field18, reply.Field4, reply.Field7 = args.Field9, args.Field18, args.Field4, args.Field7
	reply.Field102, reply.Field103, reply.Field129 = args.Field102, args.Field103, args.Field129
	reply.Field3, reply.Field280, reply.Field6, reply.Field22 = args.Field3, args.Field280, args.Field6, args.Field22
	reply.Field16, reply.Field130, reply.Field104 = args.Field16, args.Field130, args.Field104
	reply.Field100, reply.Field101, reply.Field29 = args.Field100, args.Field101, args.Field29
	reply.Field60, reply.Field271, reply.Field272 = args.Field60, args.Field271, args.Field272
	reply.Field150, reply.Field23, reply.Field25 = args.Field150, args.Field23, args.Field25
	reply.Field67, reply.Field68, reply.Field128 = args.Field67, args.Field68, args.Field128
	reply.Field131 = args.Field131
	reply.Field80, reply.Field81, reply.Field59 = args.Field80, args.Field81, args.Field59
	reply.Field12, reply.Field17, reply.Field13 = args.Field12, args.Field17, args.Field13
	reply.Field14, reply.Field30, reply.Field24 = args.Field14, args.Field30, args.Field24
	reply.Field78, reply.Field5, reply.Payload = args.Field78, args.Field5, args.Payload
}

// Verify reports what is wrong with the reply to args, nil if nothing is.
func Verify(args, reply *pb.BenchmarkMessage) error {
	switch {
	case reply == nil:
		return fmt.Errorf("no reply")
	case reply.Field22 != args.Field22:
		return fmt.Errorf("the reply to request %d answers request %d", args.Field22, reply.Field22)
	case reply.Field1 != "OK" || reply.Field2 != 100:
		return fmt.Errorf("the reply says %q and %d, want OK and 100", reply.Field1, reply.Field2)
	case reply.Field129 != args.Field129 || reply.Field78 != args.Field78 || reply.Field131 != args.Field131:
		return fmt.Errorf("the reply differs from the request in its last fields")
	case len(reply.Payload) != len(args.Payload):
		return fmt.Errorf("the reply carries %d bytes of payload, want %d", len(reply.Payload), len(args.Payload))
	}
	if n := len(args.Payload); n > 0 && (reply.Payload[0] != args.Payload[0] || reply.Payload[n-1] != args.Payload[n-1]) {
		return fmt.Errorf("the payload of the reply is another one")
	}
	return nil
}
