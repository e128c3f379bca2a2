// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// reusePort is the Control function of a listener that shares its port.
func reusePort(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort(), 1)
	})
	if err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("share the port: %w", os.NewSyscallError("setsockopt", failed))
	}
	return nil
}

// soReusePort returns SO_REUSEPORT, which package syscall lacks on most processors.
func soReusePort() int {
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		return 0x200
	}
	return 0xf
}
