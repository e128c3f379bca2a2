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

	mu    sync.Mutex // guards what follows
	err   error      // why it ended
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
func (c *Context) Expired() bool { return !c.at.IsZero() && !time.Now().Before(c.at) }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
		c.watch()
	}
	return c.done
}

// watch starts the timer, once somebody wants to be woken. c.mu is held.
func (c *Context) watch() {
	if c.err == nil && c.timer == nil && !c.at.IsZero() {
		c.timer = time.AfterFunc(time.Until(c.at), func() { c.End(context.DeadlineExceeded) })
	}
}

// Untouched reports whether nobody has waited for the end, so that nothing that the
// context has started can still run.
func (c *Context) Untouched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done == nil && c.timer == nil
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
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	key := &f
	c.after[key] = struct{}{}
	c.watch()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, there := c.after[key]
		delete(c.after, key)
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
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	for f := range c.after {
		go (*f)() // as context.AfterFunc does; f is short and belongs to package context
	}
	c.after = nil
}
