// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Bounds is what a client of HTTP may cost: what holds for frames holds for bodies.
type Bounds struct {
	Body  int           // bytes of a request's body
	Stall time.Duration // for each 64 KiB of the body, and its end
	Write time.Duration // for each piece of the response
}

// Hold returns a writer, and a request that is r with another body, which keep to the
// bounds. A body over the limit ends with a *http.MaxBytesError. Deadlines are moved with
// every piece, so that a large body may take its time as long as it moves. A body that is
// not read is not waited for any longer either: package http looks for its end.
func (b Bounds) Hold(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	p := &patience{ResponseWriter: w, control: http.NewResponseController(w), stall: b.Stall, write: b.Write, limit: int64(b.Body)}
	p.body = http.MaxBytesReader(w, r.Body, p.limit)
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		p.arm(time.Now())
	}
	held := r.WithContext(r.Context()) // package http has to know its own body again
	held.Body = p
	return p, held
}

// patience is the body of a request, and the writer of its response.
type patience struct {
	http.ResponseWriter

	control *http.ResponseController
	body    io.ReadCloser
	limit   int64 // of the body
	stall   time.Duration
	write   time.Duration
	armed   bool          // a read deadline is set
	waited  time.Duration // for what has come since the last stride
	arrived int           // of it
}

const (
	stride = 64 << 10  // is how much must arrive within Bounds.Stall
	piece  = 256 << 10 // is how much is written under one deadline
)

// Read reads the body. At its end the deadline is lifted: whoever watches the connection
// would take it for the client's end.
func (p *patience) Read(b []byte) (int, error) {
	began := time.Now()
	p.arm(began)
	n, err := p.body.Read(b)
	p.waited += time.Since(began)
	if p.arrived += n; p.arrived >= stride {
		p.waited, p.arrived = 0, 0
	}
	if errors.Is(err, io.EOF) {
		p.disarm()
	}
	return n, err
}

// Close closes the body.
func (p *patience) Close() error { return p.body.Close() }

// Limit returns how long the body may be.
func (p *patience) Limit() int64 { return p.limit }

func (p *patience) arm(now time.Time) {
	p.armed = p.control.SetReadDeadline(now.Add(p.stall-p.waited)) == nil || p.armed
}

func (p *patience) disarm() {
	if p.armed {
		_ = p.control.SetReadDeadline(time.Time{}) // what sets one lifts it
		p.armed = false
	}
}

// Write writes a part of the response.
func (p *patience) Write(b []byte) (written int, err error) {
	for len(b) > 0 && err == nil {
		n := min(len(b), piece)
		_ = p.control.SetWriteDeadline(time.Now().Add(p.write)) // without any, the client has time
		n, err = p.ResponseWriter.Write(b[:n])
		written, b = written+n, b[n:]
	}
	return written, err
}
