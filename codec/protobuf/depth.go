// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxOpen bounds the groups that are open at once. Only those that are closed count
// as nested, for the text "ssss" looks like groups that never are. But old gogo code
// recurses to skip a group before it knows, and its stack holds this many.
const maxOpen = 1 << 20

var errOpenGroups = errors.New("protobuf: too many open groups")

// checkDepth returns an error if decoding data could recurse deeper than limit. It
// knows no schema: what could be a message is walked over as if it were one, and
// skipped as a whole where that turns out to be wrong. So it never finds too little,
// and too much only for a string that holds a deeply nested message. It looks at a
// byte once at most.
func checkDepth(data []byte, limit int) error {
	if len(data) <= limit {
		return nil // a level takes a byte or more
	}
	var inline [32]frame
	w := walker{data: data, limit: limit, stack: append(inline[:0], frame{end: len(data)})}
	for len(w.stack) > 0 && w.err == nil {
		if !w.field() {
			w.leave()
		}
	}
	return w.err
}

// walker walks over messages in the order in which decoders do.
type walker struct {
	data   []byte
	pos    int
	limit  int
	stack  []frame // from the outermost message
	groups int     // in stack: open ones, which may never be closed
	err    error   // ends the walk
}

// frame is a message or a group that the walker is in.
type frame struct {
	end    int   // of the innermost message
	height int32 // how deep what was found within is nested
	group  bool
}

// field walks over a field or into it. It reports whether there was one.
func (w *walker) field() bool {
	top := &w.stack[len(w.stack)-1]
	tag, ok := w.varint(top.end)
	if !ok || int32(tag>>3) <= 0 { // as generated code puts it
		return false
	}
	switch protowire.Type(tag & 7) {
	case protowire.VarintType:
		_, ok := w.varint(top.end)
		return ok
	case protowire.Fixed32Type:
		return w.skip(4, top.end)
	case protowire.Fixed64Type:
		return w.skip(8, top.end)
	case protowire.BytesType:
		n, ok := w.varint(top.end)
		if !ok || n > uint64(top.end-w.pos) {
			return false
		}
		w.enter(frame{end: w.pos + int(n)})
		return true
	case protowire.StartGroupType:
		w.groups++
		w.enter(frame{end: top.end, group: true})
		return true
	case protowire.EndGroupType:
		if !top.group {
			return false
		}
		w.groups--
		w.pop()
		return true
	}
	return false
}

func (w *walker) enter(f frame) {
	w.stack = append(w.stack, f)
	switch n := len(w.stack); {
	case n > maxOpen:
		w.err = errOpenGroups
	case w.groups == 0 && n > w.limit+1:
		w.err = tooDeep(w.limit)
	}
}

// leave goes on behind the innermost message: it has ended, or it is none. What was
// found in it counts either way, for a decoder meets that before it finds out.
func (w *walker) leave() {
	n := len(w.stack)
	for ; w.stack[n-1].group; n-- {
		w.groups-- // never closed, so that no decoder goes into it
	}
	w.stack = w.stack[:n]
	w.pos = w.stack[n-1].end
	w.pop()
}

// pop ends the innermost message or group.
func (w *walker) pop() {
	n := len(w.stack) - 1
	height := w.stack[n].height + 1
	if w.stack = w.stack[:n]; n == 0 {
		return
	}
	around := &w.stack[n-1]
	around.height = max(around.height, height)
	if w.groups == 0 && int(around.height) > w.limit {
		w.err = tooDeep(w.limit)
	}
}

func (w *walker) skip(n, end int) bool {
	w.pos += n
	return w.pos <= end
}

// varint reads one of up to ten bytes; like generated code, it does not mind bits
// over 64.
func (w *walker) varint(end int) (v uint64, ok bool) {
	for shift := 0; shift < 64; shift += 7 {
		if w.pos >= end {
			return 0, false
		}
		b := w.data[w.pos]
		w.pos++
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, true
		}
	}
	return 0, false
}

func tooDeep(limit int) error {
	return fmt.Errorf("protobuf: message nested deeper than %d", limit)
}
