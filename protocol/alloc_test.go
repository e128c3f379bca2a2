// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// budget fails the test when f allocates more often than allowed.
func budget(t *testing.T, what string, allowed float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(100, f); got > allowed {
		t.Errorf("%s: %v allocations, the budget is %v", what, got, allowed)
	}
}

//nolint:paralleltest // counts allocations
func TestAllocationBudgets(t *testing.T) {
	md := protocol.Pairs("trace", "abc", "__ServerTimeout", "1500")
	m := protocol.Message{Service: "Arith", Method: "Mul", Metadata: md, Payload: make([]byte, 581)}
	frame := mustEncode(t, &m)
	lim := defaults()
	buf := make([]byte, 0, 2*len(frame))
	var f protocol.Frame

	budget(t, "Frame.Parse", 0, func() {
		if err := f.Parse(frame, lim); err != nil {
			t.Fatal(err)
		}
	})
	budget(t, "encoding into a buffer with room", 0, func() {
		dst, mark := protocol.AppendHead(buf, &m.Header, m.Service, m.Method)
		dst = protocol.AppendPair(dst, "__ServerTimeout", "1500")
		dst = mark.EndMetadata(dst)
		dst = append(dst, m.Payload...)
		if err := mark.Finish(dst); err != nil {
			t.Fatal(err)
		}
	})
	budget(t, "Message.AppendBinary into a buffer with room", 0, func() {
		if _, err := m.AppendBinary(buf); err != nil {
			t.Fatal(err)
		}
	})
	budget(t, "Metadata.Lookup", 0, func() {
		if _, ok := md.Lookup("__ServerTimeout"); !ok {
			t.Fatal("not found")
		}
	})
	budget(t, "LookupBlock", 0, func() {
		if _, ok := protocol.LookupBlock(f.Metadata, "__ServerTimeout"); !ok {
			t.Fatal("not found")
		}
	})
	budget(t, "Metadata.With", 2, func() { md.With("k", "v") })
	budget(t, "refusing a malformed frame", 5, func() {
		if f.Parse(frame[:len(frame)-1], lim) == nil {
			t.Fatal("accepted")
		}
	})
}
