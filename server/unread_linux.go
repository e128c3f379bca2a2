// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"syscall"
	"unsafe"
)

// unread returns how many bytes have arrived on a connection and were not read; 0 if that
// cannot be known, as for TLS, whose bytes are not those that are read.
func unread(nc net.Conn) int {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return 0 // the bytes of a wrapper may be others than those of its socket
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0
	}
	var n int32
	err = raw.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&n)))
		if errno != 0 {
			n = 0
		}
	})
	if err != nil {
		return 0
	}
	return int(max(n, 0))
}
