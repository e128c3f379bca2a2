// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The two ends of the line. The far one is the near one, seen over the line.
const (
	near = "10.9.0.1"
	far  = "10.9.0.2"
)

// line is what packets to the far end pass, in both directions alike: it takes them from
// a TUN device, loses some, delays the others, and gives them back with the addresses
// exchanged. TCP and UDP are treated the same, below their own recovery.
type line struct {
	tun   *os.File
	delay time.Duration
	rate  int          // bytes per second
	queue int          // bytes that may wait for it
	loss  atomic.Int64 // packets lost of 1000
}

// packet is one that is under way.
type packet struct {
	b   []byte
	due time.Time
}

// newLine makes the device, in a network namespace that is the program's own.
func newLine(delay time.Duration, rate int) (*line, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq("line")
	if err != nil {
		return nil, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("make a tun device: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", near + "/24", "dev", "line"},
		{"link", "set", "line", "up", "txqueuelen", "2000"},
	} {
		if out, err := exec.CommandContext(context.Background(), "ip", args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return &line{tun: os.NewFile(uintptr(fd), "line"), delay: delay, rate: rate, queue: rate / 10}, nil
}

// run carries packets until the device is closed.
func (l *line) run() {
	underway := make(chan packet, 1<<14)
	go func() {
		defer close(underway)
		var idle [2]time.Time // when each direction has sent what it has
		b := make([]byte, 2048)
		for {
			n, err := l.tun.Read(b)
			if err != nil {
				return
			}
			if p, ok := l.carry(b[:n], &idle, time.Now()); ok {
				underway <- p
			}
		}
	}()
	for p := range underway {
		if wait := time.Until(p.due); wait > 0 {
			<-time.After(wait)
		}
		_, _ = l.tun.Write(p.b) // one more that is lost
	}
}

// carry says when a packet arrives. It reports false for one that is lost. The two
// directions do not share the rate: a server's packets come from its port.
func (l *line) carry(b []byte, idle *[2]time.Time, now time.Time) (packet, bool) {
	if len(b) < 24 || b[0]>>4 != 4 || rand.Int64N(1000) < l.loss.Load() {
		return packet{}, false
	}
	direction := 0
	if b[20] == serverPort>>8 && b[21] == serverPort&0xff {
		direction = 1
	}
	at := idle[direction]
	if at.Before(now) {
		at = now
	}
	if waiting := int(at.Sub(now).Seconds() * float64(l.rate)); waiting > l.queue {
		return packet{}, false
	}
	at = at.Add(time.Duration(len(b)) * time.Second / time.Duration(l.rate))
	idle[direction] = at
	exchanged := append([]byte(nil), b...)
	copy(exchanged[12:16], b[16:20])
	copy(exchanged[16:20], b[12:16]) // the checksums are sums: they stay
	return packet{exchanged, at.Add(l.delay)}, true
}
