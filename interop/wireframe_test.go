// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/protocol"
)

// wireFrame is a frame as the tests compare it: flags and names as they are, metadata
// without its order, the payload decompressed.
type wireFrame struct {
	head            protocol.Header
	service, method string
	metadata        map[string]string
	payload         string
}

// read turns a frame of a vector into one to compare.
func (v *frameVector) read(tb testing.TB) wireFrame {
	tb.Helper()
	flags := unhex(tb, v.Flags)[0]
	seq, err := strconv.ParseUint(v.Seq, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	f := wireFrame{
		head: protocol.Header{
			Version:   v.Version,
			Type:      protocol.MessageType(flags >> 7),
			Heartbeat: flags&0x40 != 0,
			Oneway:    flags&0x20 != 0,
			Compress:  protocol.CompressType(flags >> 2 & 7),
			Status:    protocol.StatusType(flags & 3),
			Serialize: protocol.SerializeType(v.Serialize),
			Reserved:  v.Reserved,
			Seq:       seq,
		},
		service: v.Service, method: v.Method,
		metadata: make(map[string]string),
		payload:  string(unhex(tb, v.Payload)),
	}
	for _, p := range v.Metadata {
		f.metadata[p[0]] = p[1]
	}
	return f
}

// toCompare turns a frame that came over a connection into one to compare. Heartbeats
// are compared as they are.
func toCompare(tb testing.TB, m *protocol.Message) wireFrame {
	tb.Helper()
	f := wireFrame{head: m.Header, service: m.Service, method: m.Method, metadata: m.Metadata.Map(), payload: string(m.Payload)}
	if f.metadata == nil {
		f.metadata = make(map[string]string)
	}
	if m.Compress == protocol.Gzip {
		plain, err := gzip.New().Decompress(nil, m.Payload, 1<<20)
		if err != nil {
			tb.Fatal(err)
		}
		f.payload = string(plain)
	}
	return f
}

// mask replaces what a clock, a port or a stack has left in the frame.
func (f *wireFrame) mask() {
	for _, k := range []string{"__ServerTimeout", "__ServerAddress"} {
		if _, there := f.metadata[k]; there {
			f.metadata[k] = "*"
		}
	}
	if text, _, stack := strings.Cut(f.metadata["__rpcx_error__"], ", stack: "); stack {
		f.metadata["__rpcx_error__"] = text + ", stack: *"
	}
	if f.method == "Deadline" && f.head.Type == protocol.Response {
		f.payload = "*"
	}
}

// diff says how f differs from what real rpcx sent, one line for each difference.
func (f wireFrame) diff(real wireFrame) []string {
	var lines []string
	add := func(what string, theirs, ours any) {
		lines = append(lines, fmt.Sprintf("seq %d: %s: rpcx %v, we %v", real.head.Seq, what, theirs, ours))
	}
	if f.head != real.head {
		add("header", fmt.Sprintf("%+v", real.head), fmt.Sprintf("%+v", f.head))
	}
	if a, b := real.service+"."+real.method, f.service+"."+f.method; a != b {
		add("names", a, b)
	}
	keys := maps.Clone(real.metadata)
	maps.Copy(keys, f.metadata)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		theirs, had := real.metadata[k]
		ours, has := f.metadata[k]
		switch {
		case !has:
			add(k, strconv.Quote(theirs), "none")
		case !had:
			add(k, "none", strconv.Quote(ours))
		case ours != theirs:
			add(k, strconv.Quote(theirs), strconv.Quote(ours))
		}
	}
	if f.payload != real.payload {
		add("payload", strconv.Quote(real.payload), strconv.Quote(f.payload))
	}
	return lines
}
