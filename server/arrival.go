// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/internal/lateread"
)

// inlet is the receiving side of a connection. It counts bytes, so that others can
// see whether the peer is quiet; a large frame may take long to arrive.
//
// It also knows when bytes arrived, which is when the time that a call has begins to
// run. That is not when they were read: under overload they wait in the socket. So when
// a read has filled its buffer, which says that more was waiting, the system is asked how
// much is: all of that has arrived by then, whenever it is read.
type inlet struct {
	net.Conn
	received atomic.Uint64

	// What follows belongs to whoever reads.
	last    time.Time // when something was read last
	total   uint64    // received by then
	waiting time.Time // when what comes before upTo was known to wait
	upTo    uint64
	lent    measured // what a lateInlet reads into
}

// askEvery is the least time between two questions to the system.
const askEvery = 5 * time.Millisecond

func (i *inlet) Read(p []byte) (int, error) {
	n, err := i.Conn.Read(p)
	i.note(n, n == len(p))
	return n, err
}

// note notes that something was read, and whether it filled the buffer.
func (i *inlet) note(n int, full bool) {
	i.last = time.Now()
	i.total = i.received.Add(uint64(n))
	if full && n > 0 && i.total > i.upTo && i.last.Sub(i.waiting) >= askEvery {
		if n := unread(i.Conn); n > 0 {
			i.waiting, i.upTo = i.last, i.total+uint64(n)
		}
	}
}

// arrival returns when what was read last arrived, at the latest, and whether it is known
// to have waited.
func (i *inlet) arrival() (at time.Time, waited bool) {
	if i.total <= i.upTo {
		return i.waiting, true
	}
	return i.last, false
}

// lateInlet is the inlet of a socket, which is waited for without a buffer.
type lateInlet struct {
	*inlet

	late *lateread.Conn
}

// ReadLate is lateread.Conn's.
func (i lateInlet) ReadLate(space lateread.Space) (int, error) {
	i.lent.Space = space
	n, err := i.late.ReadLate(&i.lent)
	i.lent.Space = nil
	i.note(n, n == i.lent.size)
	return n, err
}

// measured is a Space that remembers how large it was.
type measured struct {
	lateread.Space

	size int
}

// Take implements lateread.Space.
func (m *measured) Take() []byte {
	p := m.Space.Take()
	m.size = len(p)
	return p
}
