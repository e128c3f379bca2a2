// SPDX-License-Identifier: Apache-2.0

//go:build unix

package lateread

import (
	"os"
	"syscall"
)

const supported = true

// read is one read of a socket that does not block.
func read(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch err { //nolint:errorlint // it is the number of the system's; a look inside costs
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, err
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// again reports whether a read is to be repeated when there is something to read.
func again(err error) bool { return err == syscall.EAGAIN } //nolint:errorlint // as read returns it
