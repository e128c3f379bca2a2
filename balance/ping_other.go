// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package balance

import (
	"errors"
	"net"
)

// listenUnprivileged opens a socket for echoes that the system may permit to everybody.
func listenUnprivileged(bool) (net.PacketConn, error) { return nil, errors.ErrUnsupported }
