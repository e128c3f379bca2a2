// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measurement is what one peer did in one scenario in one round. Times are in
// microseconds.
type measurement struct {
	Peer string `json:"peer"`
	scenario
	Round int `json:"round"`

	Seconds    float64 `json:"seconds"`
	Calls      int64   `json:"calls"`
	Throughput float64 `json:"calls_per_second"`
	Mean       float64 `json:"mean_us"`
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	P999       float64 `json:"p999_us"`
	Max        float64 `json:"max_us"`

	Client perCall `json:"client"`
	Server perCall `json:"server"`

	Errors     int64  `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
	Unfinished int64  `json:"unfinished,omitempty"` // open loop: had not ended in time

	Disturbed float64 `json:"disturbed"` // share of the processors that others took meanwhile
}

// cpu returns what a call costs both sides together.
func (m *measurement) cpu() float64 { return m.Client.CPU + m.Server.CPU }

// gracePeriod is how long calls may take to end after the load has been stopped.
const gracePeriod = 10 * time.Second

// timing says how long to measure.
type timing struct {
	warmup, duration time.Duration
}

// serverUsage asks the server what it has used.
type serverUsage func(context.Context) (usage, error)

// measure puts l on a server and takes the time. begin is called when that begins.
func measure(ctx context.Context, l *load, t timing, server serverUsage, begin func() error) (*measurement, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := window{from: time.Now().Add(t.warmup)}
	w.until = w.from.Add(t.duration)
	done := make(chan error, 1)
	go func() { done <- l.run(ctx, w) }()

	if err := waitUntil(ctx, w.from, done); err != nil {
		return nil, err
	}
	if err := begin(); err != nil {
		return nil, err
	}
	l.recorder.recording.Store(l.scenario.Rate == 0) // an open loop knows the window
	before, err := snapshot(ctx, l, server)
	if err != nil {
		return nil, err
	}
	if err := waitUntil(ctx, w.until, done); err != nil {
		return nil, err
	}
	after, err := snapshot(ctx, l, server)
	if err != nil {
		return nil, err
	}
	l.recorder.recording.Store(false)
	cancel()
	grace := gracePeriod
	if l.scenario.Rate > 0 {
		grace += t.duration
	}
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
	case <-time.After(grace):
		return nil, fmt.Errorf("%d callers have not returned %v after the last call began", l.running.Load(), grace)
	}
	return l.measurement(before, after), nil
}

// waitUntil waits for a moment, or for the load to end before it should.
func waitUntil(ctx context.Context, t time.Time, done <-chan error) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-done:
		if err == nil {
			err = errors.New("the load ended by itself")
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// moment is what both sides have used at one time.
type moment struct {
	when           time.Time
	client, server usage
}

func snapshot(ctx context.Context, l *load, server serverUsage) (m moment, err error) {
	if m.client, err = currentUsage(l.recorder.calls()); err != nil {
		return m, err
	}
	m.when = time.Now()
	if server != nil {
		m.server, err = server(ctx)
	}
	return m, err
}

func (l *load) measurement(before, after moment) *measurement {
	times, failed, first := l.recorder.result()
	m := &measurement{
		Peer:     l.peer.name,
		scenario: l.scenario,
		Seconds:  after.when.Sub(before.when).Seconds(),
		Calls:    after.client.Calls - before.client.Calls,

		Mean: micros(times.mean()),
		P50:  micros(times.percentile(50)),
		P99:  micros(times.percentile(99)),
		P999: micros(times.percentile(99.9)),
		Max:  micros(times.max()),

		Client: after.client.since(before.client),
		Server: after.server.since(before.server),

		Errors:     failed,
		Unfinished: l.unfinished.Load(),
	}
	m.Throughput = float64(m.Calls) / m.Seconds
	if first != nil {
		m.FirstError = first.Error()
	}
	return m
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }
