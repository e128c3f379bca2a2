// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
)

const (
	// quietFor is how long nothing must come from a peer that cannot be told to drain
	// before its connection is closed.
	quietFor = 200 * time.Millisecond
	// capableQuietFor is the same for a peer that was told and should leave by itself.
	capableQuietFor = 2 * time.Second
	// farewell is how long the peer has to close its side after we closed ours.
	farewell = time.Second
	// backlog is how long connections that wait in a listener are still taken.
	backlog = 20 * time.Millisecond
	// drainPoll is how often a draining connection is looked at.
	drainPoll = 10 * time.Millisecond
)

// Shutdown stops the server without losing a call: it says that nothing is serving any
// more (HealthService), takes the registrations back and waits for the delay of
// WithRegistrar, stops listening, tells peers that understand it to open no new calls,
// answers everything that comes in until each peer has left or fallen silent, and then
// closes the connections. Frames that arrive after a connection was half-closed are not
// executed.
//
// It returns nil when all that is done. When ctx ends first (30 s if it has no
// deadline) the contexts of the handlers that still run end, those that return within
// 100 ms are answered, the connections are closed as by Close, and the error says how many
// calls and connections that were, and wraps the cause of ctx. After Shutdown the server
// cannot be used again.
func (s *Server) Shutdown(ctx context.Context) error {
	ctx, cancel := drainContext(ctx)
	defer cancel()
	s.health.stop()
	err := s.withdraw(ctx)
	if s.publish.delays() {
		wait(ctx, s.config.drainDelay)
	}
	s.stopListening(draining)
	err = errors.Join(err, s.acceptedAll(ctx))
	for _, c := range s.allConns() {
		s.spawn(func() { c.drain(ctx) })
	}
	select {
	case <-s.whenEmpty():
	case <-ctx.Done():
		err = errors.Join(err, s.recall(context.Cause(ctx)))
	}
	return errors.Join(err, s.Close())
}

// acceptedAll waits until no listener accepts any more, or ctx ends: a listener of the user's
// may take its time.
func (s *Server) acceptedAll(ctx context.Context) error {
	done := make(chan struct{})
	go func() { // ends with the listeners, as their Serve does
		defer close(done)
		s.accepting.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace) // for listeners that heed their deadline, if ctx has ended before
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fmt.Errorf("server: shutdown: a listener has not returned from Accept: %w", context.Cause(ctx))
	}
}

// withdraw takes the registrations back. A registry that does not answer gets half of
// the time: the rest is for the clients.
func (s *Server) withdraw(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
	defer cancel()
	return s.publish.withdraw(ctx, true)
}

// drainLimit is how long Shutdown waits when its context has no deadline.
const drainLimit = 30 * time.Second

// drainContext bounds a shutdown whose caller did not.
func drainContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, drainLimit)
}

// Close stops the server at once: listeners and connections are closed and the
// contexts of handlers end. It does not wait for handlers that do not heed their
// context, nor for what ends with them; everything else that the server started has
// ended when it returns.
func (s *Server) Close() error {
	s.health.stop()
	s.stopListening(closed)
	for _, c := range s.allConns() {
		c.shut(ErrServerClosed)
	}
	s.turns.Wait()
	s.expire()
	s.tasks.Wait()
	err := s.publish.withdraw(canceledContext(), true) // nobody else registers any more
	s.workers.close()
	s.closeOnce.Do(func() { close(s.finished) })
	if errors.Is(err, context.Canceled) {
		return nil // the registry was not waited for
	}
	return err
}

// canceledContext is for work that must not wait.
func canceledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// stopListening moves the server's state on and ends the accept loops. A server that
// drains takes the connections that are waiting, where the listener can tell when
// there are no more: closing it would reset them, with the calls that they carry.
func (s *Server) stopListening(to state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = max(s.state, to)
	for ln := range s.listeners {
		d, ok := ln.Listener.(interface{ SetDeadline(t time.Time) error })
		if to == draining && ok && d.SetDeadline(time.Now().Add(backlog)) == nil {
			continue // the accept loop ends with the time-out and closes it
		}
		_ = ln.Close() // the accept loop ends
	}
}

// drain brings one connection to its end: notice, quiet, half-close, close.
func (c *Conn) drain(ctx context.Context) {
	if c.waitQuiet(ctx) {
		c.halt(ctx)
	} // or it is gone, or out of time: Shutdown closes it
}

// halt ends a connection that has been quiet. What it begins to execute in the moment that
// it is found quiet is answered all the same.
func (c *Conn) halt(ctx context.Context) {
	c.halted.Store(true)
	if !c.waitIdle(ctx) {
		return
	}
	c.flush()
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		timer := time.NewTimer(farewell)
		defer timer.Stop()
		select {
		case <-c.gone:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	c.shut(ErrServerClosed)
}

// waitQuiet tells the peer, as soon as that is known to understand it, and waits until
// nothing has come in, and nothing has run, for a while. It reports false when the
// connection or ctx ended first.
func (c *Conn) waitQuiet(ctx context.Context) bool {
	ticker := time.NewTicker(drainPoll)
	defer ticker.Stop()
	quiet, told := quietFor, false
	last, since := c.activity(), time.Now()
	for {
		if caps := c.caps.Load(); !told && caps != nil && caps.Drain {
			quiet, told = capableQuietFor, true
			b := bufpool.Get(64)
			b.B, _ = drainNotice().AppendBinary(b.B) // always fits
			_ = c.send(b, false)                     // a connection that is gone is drained
		}
		select {
		case <-c.gone:
			return false
		case <-ctx.Done():
			return false
		case now := <-ticker.C:
			if a := c.activity(); a != last || c.busy() {
				last, since = a, now
			} else if now.Sub(since) >= quiet {
				return true
			}
		}
	}
}

// waitIdle waits until no call runs. It reports false when the connection or ctx ended first.
func (c *Conn) waitIdle(ctx context.Context) bool {
	ticker := time.NewTicker(drainPoll)
	defer ticker.Stop()
	for {
		select {
		case <-c.gone:
			return false
		case <-ctx.Done():
			return false
		case <-ticker.C: // a call of frames is not seen at once that was not halted
			if !c.busy() {
				return true
			}
		}
	}
}

// wait waits for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
