// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package server

import "net"

// unread returns how many bytes have arrived on a connection and were not read; 0 because
// that is not known here.
func unread(net.Conn) int { return 0 }
