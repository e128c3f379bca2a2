// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
)

// A call that has no time for a pause returns what the server said, at once.
func TestPauseThatDoesNotFit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		mode     client.FailMode
		scripts  []string
		timeout  time.Duration
		requests []int
	}{
		{"Failtry", client.Failtry, []string{later}, time.Second, []int{1}},
		{"Failover", client.Failover, []string{later}, time.Second, []int{1}},
		{"Failover to the last one", client.Failover, []string{later, later}, time.Second, []int{1, 1}},
		{"longer than is heeded", client.Failtry, []string{later}, 12 * time.Second, []int{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.scripts...)
				x := f.client(tt.mode, client.Option{})
				began := time.Now()
				err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WithTimeout(tt.timeout))
				wantError(t, err, rpcx.ResourceExhausted, true)
				var e *rpcx.Error
				if !errors.As(err, &e) || e.Pause() != laterBy || err.Error() != "later" {
					t.Errorf("%v, pause %v; want the server's error", err, e.Pause())
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("took %v", took)
				}
				if got := f.seen(); !slices.Equal(got, tt.requests) {
					t.Errorf("requests went %v, want %v", got, tt.requests)
				}
			})
		})
	}
}

// A random pause that does not fit ends the call as well, with what went wrong.
func TestBackoffThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failtry, client.Failover} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			for range 20 { // pauses are random
				synctest.Test(t, func(t *testing.T) {
					x := newFleet(t, busy).client(mode, client.Option{Retries: 1000, RetryBudget: client.RetryBudget{PerSecond: 1e6}})
					err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WithTimeout(100*time.Millisecond))
					wantError(t, err, rpcx.ResourceExhausted, true)
				})
			}
		})
	}
}

// Several errors make one line, and one error is not said to be several.
func TestTextsOfFailedAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, crash, crash)
		x := f.client(client.Failover, client.Option{Retries: 1})
		err := x.Call(t.Context(), "M", []byte("id"), new([]byte))
		wantError(t, err, rpcx.Unavailable, false)
		if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, "; ") {
			t.Errorf("error %q", text)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, busy)
		x := f.client(client.Failtry, client.Option{RetryBudget: client.RetryBudget{Ratio: -1, PerSecond: -1}})
		err := x.Call(t.Context(), "M", []byte("id"), new([]byte))
		wantError(t, err, rpcx.ResourceExhausted, true)
		if text := err.Error(); strings.Contains(text, "1 times") || !strings.HasPrefix(text, "busy; not tried again") {
			t.Errorf("error %q", text)
		}
	})
}
