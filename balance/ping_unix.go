// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package balance

import (
	"net"
	"os"
	"syscall"
)

// listenUnprivileged opens a socket for echoes that the system may permit to everybody.
func listenUnprivileged(six bool) (net.PacketConn, error) {
	family, protocol := syscall.AF_INET, syscall.IPPROTO_ICMP
	if six {
		family, protocol = syscall.AF_INET6, syscall.IPPROTO_ICMPV6
	}
	syscall.ForkLock.RLock() // no child may inherit it
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM, protocol)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "icmp")
	defer func() { _ = f.Close() }() // the connection has a copy
	return net.FilePacketConn(f)
}
