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
	Stall time.Duration // for each piece of the body
	Write time.Duration // for each piece of the response
}

// Hold makes r's body keep to the bounds, and returns a writer that does. A body over the
// limit ends with a *http.MaxBytesError. Deadlines are moved with every piece, so that a
// large body may take its time as long as it moves.
func (b Bounds) Hold(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	p := &patience{ResponseWriter: w, control: http.NewResponseController(w), stall: b.Stall, write: b.Write}
	p.body = http.MaxBytesReader(w, r.Body, int64(b.Body))
	r.Body = p
	return p
}

// patience is the body of a request, and the writer of its response.
type patience struct {
	http.ResponseWriter

	control *http.ResponseController
	body    io.ReadCloser
	stall   time.Duration
	write   time.Duration
	armed   bool          // a read deadline is set
}

// piece is how much is written under one deadline.
const piece = 256 << 10

// Read reads the body. At its end the deadline is lifted: whoever watches the connection
// would take it for the client's end.
func (p *patience) Read(b []byte) (int, error) {
	p.armed = p.control.SetReadDeadline(time.Now().Add(p.stall)) == nil || p.armed
	n, err := p.body.Read(b)
	if errors.Is(err, io.EOF) {
		p.disarm()
	}
	return n, err
}

// Close closes the body.
func (p *patience) Close() error { return p.body.Close() }

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
