// SPDX-License-Identifier: Apache-2.0

//go:build unix

package client

import (
	"errors"
	"syscall"
)

// peek looks at the first byte that a socket has received.
func peek(fd uintptr) arrival {
	var b [1]byte
	n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return nothing
	case err != nil || n == 0:
		return ended
	default:
		return data
	}
}
