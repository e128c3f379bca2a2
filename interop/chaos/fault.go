// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// fault is something that happens to servers under load.
type fault struct {
	name  string
	about string
	run   func(ctx context.Context, c *cluster) error
}

// Times of faults.
const (
	breath  = 300 * time.Millisecond // between two of them
	down    = 500 * time.Millisecond // of a server that was killed
	trouble = 2 * time.Second        // of a server that is otherwise unwell
	outage  = 3 * time.Second        // of all servers
	sloth   = 500 * time.Millisecond // of a slow handler
)

// faults returns all of them.
func faults() []fault {
	return []fault{
		{"SIGTERM", "each server in turn is ended with SIGTERM and started again", rollingRestart},
		{"kill -9", "each server in turn is killed and started again 500 ms later", killings},
		{"SIGSTOP", "one server is frozen for 2 s", oneFrozen},
		{"slow", "the handlers of one server take 500 ms, for 2 s", oneSlow},
		{"refuse", "one server refuses all calls, for 2 s", oneRefusing},
		{"hang up", "one server hangs up on whoever is or gets connected, for 2 s", oneHangingUp},
		{"outage", "all servers are killed and started again 3 s later", totalOutage},
		{"all refuse", "all servers refuse all calls, for 3 s", allRefusing},
	}
}

func rollingRestart(ctx context.Context, c *cluster) error {
	for _, p := range c.processes {
		if err := errors.Join(p.end(syscall.SIGTERM), p.start(ctx)); err != nil {
			return err
		}
		pause(ctx, breath)
	}
	return nil
}

func killings(ctx context.Context, c *cluster) error {
	for _, p := range c.processes {
		if err := p.end(syscall.SIGKILL); err != nil {
			return err
		}
		pause(ctx, down)
		if err := p.start(ctx); err != nil {
			return err
		}
		pause(ctx, breath)
	}
	return nil
}

func oneFrozen(ctx context.Context, c *cluster) error {
	p := c.processes[0]
	err := p.signal(syscall.SIGSTOP)
	pause(ctx, trouble)
	return errors.Join(err, p.signal(syscall.SIGCONT))
}

func oneSlow(ctx context.Context, c *cluster) error {
	delay := &c.board.slots[0].delay
	usual := delay.Swap(int64(sloth))
	pause(ctx, trouble)
	delay.Store(usual)
	return nil
}

func oneRefusing(ctx context.Context, c *cluster) error {
	c.board.slots[0].refuses.Store(1)
	pause(ctx, trouble)
	c.board.slots[0].refuses.Store(0)
	return nil
}

func oneHangingUp(ctx context.Context, c *cluster) error {
	c.board.slots[0].hangsUp.Store(1)
	pause(ctx, trouble)
	c.board.slots[0].hangsUp.Store(0)
	return nil
}

func totalOutage(ctx context.Context, c *cluster) error {
	var errs []error
	for _, p := range c.processes {
		errs = append(errs, p.end(syscall.SIGKILL))
	}
	pause(ctx, outage)
	for _, p := range c.processes {
		errs = append(errs, p.start(ctx))
	}
	return errors.Join(errs...)
}

func allRefusing(ctx context.Context, c *cluster) error {
	for i := range c.processes {
		c.board.slots[i].refuses.Store(1)
	}
	pause(ctx, outage)
	for i := range c.processes {
		c.board.slots[i].refuses.Store(0)
	}
	return nil
}
