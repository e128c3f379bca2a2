// SPDX-License-Identifier: Apache-2.0

// Package deadline holds what the contexts of calls have in common. Almost every call
// has a deadline and almost none reaches it, so a context costs neither a channel nor a
// timer before somebody waits for its end.
package deadline

import (
	"context"
	"sync"
	"time"
)

// Context is a context.Context without values, to embed. The zero value has no deadline
// and ends with End.
type Context struct {
	at time.Time // zero: none

	mu     sync.Mutex // guards what follows
	err    error      // why it ended
	waited *waited    // nil: for its end nobody has
}

// waited is what it takes to wait for the end of a Context.
type waited struct {
	done  chan struct{}
	timer *time.Timer
	after map[*func()]struct{}
}

// SetDeadline makes the context end at the given time. It is called once, before
// anybody else has the context.
func (c *Context) SetDeadline(at time.Time) { c.at = at }

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) { return c.at, !c.at.IsZero() }

// Expired reports whether the deadline has passed.
func (c *Context) Expired() bool { return !c.at.IsZero() && time.Until(c.at) <= 0 }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watch()
	if w.done == nil {
		w.done = make(chan struct{})
		if c.err != nil {
			close(w.done)
		}
	}
	return w.done
}

// watch starts the timer, once somebody wants to be woken. c.mu is held.
func (c *Context) watch() *waited {
	if c.waited == nil {
		c.waited = new(waited)
		if c.err == nil && !c.at.IsZero() {
			c.waited.timer = time.AfterFunc(time.Until(c.at), func() { c.End(context.DeadlineExceeded) })
		}
	}
	return c.waited
}

// Untouched reports whether nobody has waited for the end, so that nothing that the
// context has started can still run.
func (c *Context) Untouched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waited == nil
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err == nil && c.Expired() {
		c.End(context.DeadlineExceeded)
		return context.DeadlineExceeded
	}
	return err
}

// AfterFunc lets package context derive contexts without a goroutine for each.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f() // as context.AfterFunc does; f is short and belongs to package context
		return func() bool { return false }
	}
	w := c.watch()
	if w.after == nil {
		w.after = make(map[*func()]struct{})
	}
	key := &f
	w.after[key] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, there := w.after[key]
		delete(w.after, key)
		return there
	}
}

// End ends the context, for the first reason given.
func (c *Context) End(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	w := c.waited
	if w == nil {
		return
	}
	if w.done != nil {
		close(w.done)
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	for f := range w.after {
		go (*f)() // as context.AfterFunc does; f is short and belongs to package context
	}
	w.after = nil
}
