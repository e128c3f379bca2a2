// SPDX-License-Identifier: Apache-2.0

package deadline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/internal/deadline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// whole makes a context.Context of it.
type whole struct{ deadline.Context }

func (*whole) Value(any) any { return nil }

func expiring(after time.Duration) *whole {
	c := new(whole)
	c.SetDeadline(time.Now().Add(after))
	return c
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	waits := map[string]func(c *whole){
		"Done":      func(c *whole) { <-c.Done() },
		"AfterFunc": func(c *whole) { ended := make(chan struct{}); c.AfterFunc(func() { close(ended) }); <-ended },
		"derived": func(c *whole) {
			d, cancel := context.WithCancel(c)
			defer cancel()
			<-d.Done()
		},
		"nothing": func(*whole) { time.Sleep(time.Second) },
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := expiring(time.Second)
				if at, ok := c.Deadline(); !ok || time.Until(at) != time.Second {
					t.Errorf("deadline in %v, %t", time.Until(at), ok)
				}
				if c.Expired() || c.Err() != nil {
					t.Errorf("it has ended before it began: %v", c.Err())
				}
				began := time.Now()
				wait(c)
				if took := time.Since(began); took != time.Second {
					t.Errorf("it ended after %v", took)
				}
				if !c.Expired() || !errors.Is(c.Err(), context.DeadlineExceeded) {
					t.Errorf("error is %v", c.Err())
				}
				<-c.Done()
				c.End(context.Canceled)
				if !errors.Is(c.Err(), context.DeadlineExceeded) {
					t.Errorf("the error became %v", c.Err())
				}
			})
		})
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*whole{"no deadline": new(whole), "deadline": expiring(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, called := c.Done(), make(chan struct{})
			c.AfterFunc(func() { close(called) })
			stop := c.AfterFunc(func() { t.Error("a stopped function was called") })
			if !stop() || stop() {
				t.Error("stop does not say whether it stopped anything")
			}
			c.End(context.Canceled)
			<-done
			<-called
			if !errors.Is(c.Err(), context.Canceled) {
				t.Errorf("error is %v", c.Err())
			}
			late := make(chan struct{})
			if c.AfterFunc(func() { close(late) })() {
				t.Error("a function was stopped after the end")
			}
			<-late
			select {
			case <-c.Done():
			default:
				t.Error("Done is not closed")
			}
		})
	}
}

//nolint:paralleltest // counts allocations
func TestNobodyWaitsNothingIsAllocated(t *testing.T) {
	c := new(whole)
	if n := testing.AllocsPerRun(100, func() {
		*c = whole{}
		c.SetDeadline(time.Now().Add(time.Hour))
		_, _ = c.Deadline()
		_ = c.Err()
		c.End(context.Canceled)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
