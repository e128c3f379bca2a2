// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// framework is one of the two that are put through the same.
type framework interface {
	String() string
	// serve makes a server that serves ln in the background.
	serve(s *service, ln net.Listener) server
	// open makes a client of the servers at addrs.
	open(addrs []string, m mode) (caller, error)
}

// server is a server of a framework.
type server interface {
	// shutdown ends it the way that the framework offers for deploys.
	shutdown(ctx context.Context) error
}

// caller is a client of a framework.
type caller interface {
	// call makes a call and returns the answer.
	call(ctx context.Context, id uint64) (answer uint64, err error)
	// judge says what the client tells about a call that failed.
	judge(err error) outcome
	// attempts returns what was sent until now, and dials that failed.
	attempts() int64
	close()
}

// mode is how a client deals with failures, in the terms of both frameworks.
type mode struct {
	failMode int // rpcx's number
	once     bool
}

func (m mode) String() string {
	name := [...]string{"Failover", "Failfast", "Failtry", "Failbackup"}[m.failMode]
	if m.once {
		name += ", once"
	}
	return name
}

// The fail modes, with rpcx's numbers.
const (
	failover = iota
	failfast
	failtry
	failbackup
)

// mayRepeat reports whether the caller has agreed to a call being executed twice.
func (m mode) mayRepeat() bool { return !m.once && m.failMode != failfast }

// outcome is how a call ended, as its caller sees it.
type outcome uint8

const (
	pending  outcome = iota // it has not ended
	good                    // answered
	wrong                   // answered, but not what was asked
	definite                // failed, and the error says that it was not executed
	unknown                 // failed, and the error says that it may have been executed
	late                    // its deadline passed
	unclear                 // failed, and the error says none of this
)

func (o outcome) String() string {
	return [...]string{"hung", "good", "wrong", "definite", "unknown", "late", "unclear"}[o]
}

// service is what the servers serve, called Chaos. Both frameworks find its method.
type service struct {
	board  *board
	server int
	tokens chan struct{} // bounds how many handlers work at a time; nil: all do
	pace   float64       // rounds of work per nanosecond
	made   atomic.Uint64 // what was worked out: the work must lead to something
}

const serviceName = "Chaos"

// Args is a call.
type Args struct{ ID uint64 }

// Reply is the answer to it.
type Reply struct{ Answer uint64 }

// answer is the right answer to a call.
func answer(id uint64) uint64 { return ^id }

// Do executes a call. It is noted before anybody can know of it.
func (s *service) Do(ctx context.Context, args *Args, reply *Reply) error {
	if s.tokens != nil {
		select {
		case s.tokens <- struct{}{}:
			defer func() { <-s.tokens }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.board.execute(s.server, args.ID)
	s.made.Add(work(int(float64(s.board.slots[s.server].burn.Load()) * s.pace)))
	time.Sleep(time.Duration(s.board.slots[s.server].delay.Load()))
	reply.Answer = answer(args.ID)
	return nil
}

// work computes something. What it takes is counted in rounds and not in time, so that
// handlers which share a processor do not take each other's time for their own.
func work(rounds int) uint64 {
	x := uint64(rounds) | 1
	for range rounds {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// measurePace finds out how many rounds of work fit into a nanosecond, undisturbed.
func (s *service) measurePace() {
	const rounds = 1 << 20
	best := time.Duration(1 << 62)
	for range 10 {
		began := time.Now()
		s.made.Add(work(rounds))
		best = min(best, time.Since(began))
	}
	s.pace = rounds / float64(best)
}

// errRefused is what a server says that was made to refuse.
var errRefused = errors.New("refused by order of the harness")

// counter counts attempts: what is sent, and dials that fail.
type counter struct{ n atomic.Int64 }

func (c *counter) dialed(err error) {
	if err != nil {
		c.n.Add(1)
	}
}

// dialTimeout is the same for both.
const dialTimeout = time.Second

// frameworkOf finds a framework by its name.
func frameworkOf(name string) (framework, error) {
	for _, f := range frameworks() {
		if f.String() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("unknown framework %q", name)
}

func frameworks() []framework { return []framework{ours{}, theirs{}} }
