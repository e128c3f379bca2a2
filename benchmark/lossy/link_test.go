// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"testing"
	"time"
)

// frame is the least of an IPv4 packet that the line looks at.
func frame(port uint16, size int) []byte {
	b := make([]byte, size)
	b[0] = 4 << 4
	copy(b[12:], []byte{10, 9, 0, 1, 10, 9, 0, 2})
	b[20], b[21] = byte(port>>8), byte(port)
	return b
}

func TestCarry(t *testing.T) {
	t.Parallel()
	l := &line{delay: 10 * time.Millisecond, rate: 1_000_000, queue: 5000}
	now := time.Now()
	var idle [2]time.Time
	p, ok := l.carry(frame(1234, 1000), &idle, now)
	if !ok || !bytes.Equal(p.b[12:20], []byte{10, 9, 0, 2, 10, 9, 0, 1}) {
		t.Fatalf("carried %v, %v", p.b[12:20], ok)
	}
	if got, want := p.due.Sub(now), 11*time.Millisecond; got != want {
		t.Errorf("it takes %v, want %v", got, want)
	}
	if p, _ := l.carry(frame(1234, 1000), &idle, now); p.due.Sub(now) != 12*time.Millisecond {
		t.Errorf("the next takes %v, want as long as both", p.due.Sub(now))
	}
	if p, _ := l.carry(frame(serverPort, 1000), &idle, now); p.due.Sub(now) != 11*time.Millisecond {
		t.Errorf("one the other way takes %v", p.due.Sub(now))
	}
	dropped := 0
	for range 10 {
		if _, ok := l.carry(frame(1234, 1000), &idle, now); !ok {
			dropped++
		}
	}
	if dropped != 6 {
		t.Errorf("%d of 10 packets found no room, want 6", dropped)
	}
	l.loss.Store(1000)
	if _, ok := l.carry(frame(serverPort, 1000), &idle, now); ok {
		t.Error("a line that loses everything carried a packet")
	}
	if _, ok := l.carry([]byte{6 << 4}, &idle, now); ok {
		t.Error("the line carried what is not IPv4")
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	all := []time.Duration{3, 1, 2, 5, 4}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(all, q); got != want {
			t.Errorf("quantile %v = %d, want %d", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing = %d", got)
	}
}
