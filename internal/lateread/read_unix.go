// SPDX-License-Identifier: Apache-2.0

//go:build unix

package lateread

import (
	"errors"
	"os"
	"syscall"
)

const supported = true

// read is one read of a socket that does not block.
func read(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, err
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		default:
			return n, nil
		}
	}
}

// again reports whether a read is to be repeated when there is something to read.
func again(err error) bool { return errors.Is(err, syscall.EAGAIN) }
