// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"sync"
	"time"
)

// How much must move in the time that there is for it, as with frames.
const (
	webStride = 64 << 10  // of a body
	webPiece  = 256 << 10 // of a response
)

// webPace bounds how long a client of HTTP/1 takes for a body, and one of any version for
// what is written to it, whoever reads and writes, and also when a body is only passed
// over: package http does so before it answers, for as long as it takes. A deadline of a
// handler's own goes before that for reading, and beside that for writing.
type webPace struct {
	stall, write time.Duration

	mu              sync.Mutex // guards what follows, and the deadlines of the connection
	readBy, writeBy time.Time  // of others; zero: none
	began           time.Time  // when the read that is under way did
	waited          time.Duration
	arrived         int // since waited was nothing
}

// reset begins with another request.
func (p *webPace) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited, p.arrived = 0, 0
}

func (p *webPace) beginRead(nc net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.began = time.Now()
	if p.readBy.IsZero() {
		_ = nc.SetReadDeadline(p.began.Add(p.stall - p.waited)) // of a closed connection, which the read tells
	}
}

func (p *webPace) endRead(nc net.Conn, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited += time.Since(p.began)
	if p.arrived += n; p.arrived >= webStride {
		p.waited, p.arrived = 0, 0
	}
	if p.readBy.IsZero() {
		_ = nc.SetReadDeadline(time.Time{}) // as above
	}
}

func (p *webPace) beginWrite(nc net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	by := time.Now().Add(p.write)
	if !p.writeBy.IsZero() && p.writeBy.Before(by) {
		by = p.writeBy
	}
	_ = nc.SetWriteDeadline(by) // as above
}

func (p *webPace) readUntil(nc net.Conn, t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readBy = t
	return nc.SetReadDeadline(t)
}

func (p *webPace) writeUntil(nc net.Conn, t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writeBy = t
	return nc.SetWriteDeadline(t)
}
