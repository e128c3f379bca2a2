// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"sync"
)

// journal is what has happened on a server, for those who wait for it.
type journal struct {
	mu     sync.Mutex // guards what follows
	events map[string]chan struct{}
}

// of returns a channel that is closed once event has been noted.
func (j *journal) of(event string) chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.events == nil {
		j.events = make(map[string]chan struct{})
	}
	c := j.events[event]
	if c == nil {
		c = make(chan struct{})
		j.events[event] = c
	}
	return c
}

// note says that event has happened. It is said once.
func (j *journal) note(event string) { close(j.of(event)) }

// has reports whether event has happened.
func (j *journal) has(event string) bool {
	select {
	case <-j.of(event):
		return true
	default:
		return false
	}
}

// wait waits until event has happened.
func (j *journal) wait(ctx context.Context, event string) error {
	select {
	case <-j.of(event):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
