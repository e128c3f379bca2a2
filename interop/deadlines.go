// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// deadline lets a handler see the caller's deadline, and then lets one pass.
func deadline(ctx context.Context, c *cell) (noteID, error) {
	const far, near = time.Minute, 50 * time.Millisecond
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	kept, err := c.keepsConn(ctx, cl, func() error {
		if err := c.seesDeadline(ctx, cl, far); err != nil {
			return err
		}
		return c.runsOut(ctx, cl, near)
	})
	if err == nil && !kept {
		err = errors.New("a deadline has cost the connection")
	}
	return good, err
}

// seesDeadline asks a handler how much time it has.
func (c *cell) seesDeadline(ctx context.Context, cl caller, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	reply := c.dialect.reply()
	if _, err := cl.call(ctx, "Deadline", c.dialect.args(c.ask("far")), reply, nil); err != nil {
		return fmt.Errorf("Deadline: %w", err)
	}
	if left := c.dialect.read(reply).C; left <= 0 || left > d.Milliseconds() {
		return fmt.Errorf("the handler has %d ms left, want 1 to %d", left, d.Milliseconds())
	}
	return nil
}

// runsOut makes a call that cannot end before its deadline.
func (c *cell) runsOut(ctx context.Context, cl caller, d time.Duration) error {
	ending, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	q := c.ask("near")
	_, err := cl.call(ending, "Hold", c.dialect.args(q), c.dialect.reply(), nil)
	if text, _ := cl.remote(err); !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(text, "deadline") {
		return fmt.Errorf("the error is %w, want deadline exceeded", errors.Join(err))
	}
	if !c.log().has("holding " + q.Key) {
		return nil // so busy a machine that it came too late to be run
	}
	if err := c.log().wait(ctx, "ended "+q.Key); err != nil {
		return fmt.Errorf("the handler's context did not end: %w", err)
	}
	return nil
}

// cancel gives a call up.
func cancel(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	reaches := c.pair == pair{ours{}, ours{}}
	q := c.ask("cancel")
	kept, err := c.keepsConn(ctx, cl, func() error {
		giving, give := context.WithCancel(ctx)
		defer give()
		outcome := cl.begin(giving, "Hold", c.dialect.args(q), c.dialect.reply())
		if err := c.log().wait(ctx, "holding "+q.Key); err != nil {
			return fmt.Errorf("Hold was not run: %w", err)
		}
		give()
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			return fmt.Errorf("the error is %w, want canceled", errors.Join(err))
		}
		if !reaches {
			return nil
		}
		if err := c.log().wait(ctx, "ended "+q.Key); err != nil {
			return fmt.Errorf("the handler's context did not end: %w", err)
		}
		return nil
	})
	if err == nil && !kept {
		err = errors.New("a cancellation has cost the connection")
	}
	if reaches || err != nil {
		return good, err
	}
	if c.log().has("ended " + q.Key) {
		return good, outdated(deaf)
	}
	c.log().note("released " + q.Key) // a handler of real rpcx waits for ever otherwise
	return deaf, nil
}
