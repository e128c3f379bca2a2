// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// recorder takes down how calls ended. It is spread over shards, so that callers
// rarely meet. Its methods may be called concurrently.
type recorder struct {
	shards    [shards]shard
	recording atomic.Bool

	mu    sync.Mutex // guards what follows
	first error      // that a call ended with
}

const shards = 16

type shard struct {
	calls  atomic.Int64 // all that succeeded, recorded or not
	errors atomic.Int64 // recorded
	times  histogram    // recorded, of those that succeeded
}

// Done implements peers.Recorder.
func (r *recorder) Done(caller int, took time.Duration, err error) {
	r.end(caller, took, err, r.recording.Load())
}

// end takes down a call that ended; only that it did unless it is to be recorded.
func (r *recorder) end(caller int, took time.Duration, err error, recorded bool) {
	s := &r.shards[caller%shards]
	if err == nil {
		s.calls.Add(1)
	}
	if recorded {
		r.record(s, took, err)
	}
}

// waited takes down a call that has not ended, with how long it has waited so far.
func (r *recorder) waited(caller int, time time.Duration) {
	r.shards[caller%shards].times.add(time)
}

func (r *recorder) record(s *shard, took time.Duration, err error) {
	if err == nil {
		s.times.add(took)
		return
	}
	s.errors.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		r.first = err
	}
}

// calls returns how many calls succeeded so far.
func (r *recorder) calls() int64 {
	var n int64
	for i := range r.shards {
		n += r.shards[i].calls.Load()
	}
	return n
}

// result returns all that was recorded, once nobody records any more.
func (r *recorder) result() (times *histogram, failed int64, first error) {
	times = new(histogram)
	for i := range r.shards {
		times.merge(&r.shards[i].times)
		failed += r.shards[i].errors.Load()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return times, failed, r.first
}
