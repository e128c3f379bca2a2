// SPDX-License-Identifier: Apache-2.0

package kcp

import (
	"bytes"
	"encoding/binary"
	"time"
)

// KCP has no end of a stream. A peer of this module that closes says so in packets
// beside the stream, which real rpcx passes over: how many bytes it has written in all.
// Who has read them all has read to the end.

const (
	farewellMark = "rpcx: end after "
	farewellSize = len(farewellMark) + 8
)

// How a connection ends that was closed: it says farewell some times, as such packets
// may be lost, and goes on to send what was written, again where it is lost. What was
// not acknowledged then is given up.
var farewells = [...]time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 500 * time.Millisecond} //nolint:gochecknoglobals // a constant

// briefly is how long a packet needs to get out.
const briefly = 20 * time.Millisecond

// patience is how long the rest of a stream is waited for after a farewell.
const patience = 5 * time.Second

func farewell(written int64) []byte {
	return binary.BigEndian.AppendUint64([]byte(farewellMark), uint64(written)) //nolint:gosec // a count
}

// parseFarewell returns how many bytes the peer has written; ok is false for a packet of
// another kind.
func parseFarewell(b []byte) (written int64, ok bool) {
	if len(b) < farewellSize || !bytes.HasPrefix(b, []byte(farewellMark)) {
		return 0, false
	}
	written = int64(binary.BigEndian.Uint64(b[len(farewellMark):])) //nolint:gosec // checked
	return written, written >= 0
}

// part ends the session of a connection that was closed. One that was only opened is told
// once: nothing has to arrive, and its address may not be that of who sent the packet.
func (c *conn) part() {
	untouched := c.untouched()
	for _, pause := range farewells {
		if pause > 0 && untouched {
			<-time.After(briefly)
			break
		}
		if pause > 0 {
			<-time.After(pause)
		}
		_ = c.session.SendOOB(farewell(c.written.Load())) // not without FEC
		if pause > 0 && c.peerEnded() {
			break
		}
	}
	_ = c.session.Close() // closes the socket of a client, and can do no more
	c.release()
}

// peerEnded reports whether the peer has closed, too, and so reads nothing any more.
func (c *conn) peerEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.endBy.IsZero()
}

// untouched reports whether nothing was read from a connection, or written to it.
func (c *conn) untouched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.received == 0 && c.written.Load() == 0
}
