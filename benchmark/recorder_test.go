// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"sync"
	"testing"
	"time"
)

func TestRecorder(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	first, second := errors.New("first"), errors.New("second")
	r.Done(0, time.Second, nil)
	r.Done(1, time.Second, errors.New("while nobody listened"))
	r.recording.Store(true)
	r.Done(17, 2*time.Millisecond, nil)
	r.Done(3, time.Hour, first)
	r.Done(3, time.Hour, second)
	r.recording.Store(false)
	r.Done(0, time.Second, nil)
	r.end(0, 4*time.Millisecond, nil, true)
	r.waited(5, 6*time.Millisecond)

	times, failed, err := r.result()
	if r.calls() != 4 {
		t.Errorf("%d calls, want the 4 that succeeded, recorded or not", r.calls())
	}
	if times.count() != 3 || times.max() != 6*time.Millisecond || times.mean() != 4*time.Millisecond {
		t.Errorf("recorded %d, max %v, mean %v", times.count(), times.max(), times.mean())
	}
	if failed != 2 || !errors.Is(err, first) {
		t.Errorf("%d errors, the first %v", failed, err)
	}
}

func TestRecorderConcurrently(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	r.recording.Store(true)
	var calling sync.WaitGroup
	for caller := range 100 {
		calling.Go(func() {
			for i := range 100 {
				var err error
				if i%10 == 0 {
					err = errors.New("failed")
				}
				r.Done(caller, time.Duration(i), err)
			}
		})
	}
	calling.Wait()
	times, failed, err := r.result()
	if times.count() != 9000 || r.calls() != 9000 || failed != 1000 || err == nil {
		t.Errorf("%d recorded, %d calls, %d errors, %v", times.count(), r.calls(), failed, err)
	}
}
