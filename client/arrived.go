// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/tls"
	"net"
	"syscall"
)

// arrival is what can be read from a connection without waiting.
type arrival int

const (
	nothing arrival = iota // or it cannot be told
	data
	ended // it was closed by the peer, or broke
)

// arrived looks at what a connection has received, and leaves it there. Nobody may be
// reading from it meanwhile.
func arrived(nc net.Conn) arrival {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nothing
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nothing
	}
	found := nothing
	err = raw.Read(func(fd uintptr) bool {
		found = peek(fd)
		return true
	})
	if err != nil {
		return data // whoever reads will see
	}
	return found
}
