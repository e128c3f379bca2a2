// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tcp

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

// reusePort is the Control function of a listener that shares its port. Where the
// kernel does not spread connections over such listeners there are none.
func reusePort(_, _ string, _ syscall.RawConn) error {
	return fmt.Errorf("network reuseport on %s: %w, it needs linux", runtime.GOOS, errors.ErrUnsupported)
}
