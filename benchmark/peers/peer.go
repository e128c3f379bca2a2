// SPDX-License-Identifier: Apache-2.0

// Package peers is what the peers of the benchmark have in common: what a peer is,
// the message that all carry, and the service that all serve. Each peer is a
// package below this one.
package peers

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/pb"
)

// Peer is one way to call a service.
type Peer interface {
	// Serve begins to serve s on ln, which it owns, and returns at once. Closing the
	// result ends that.
	Serve(ln net.Listener, s *Service) (io.Closer, error)
	// Dial returns a pool of the given number of connections to a server. They may be
	// opened by the first call on each.
	Dial(addr string, conns int) (Pool, error)
}

// Pool is a number of connections to one server.
type Pool interface {
	// Call sends args over connection conn, counted from 0, and returns a reply of its
	// own. It is called concurrently, and does not keep args. A peer that chooses
	// connections by itself may disregard conn.
	Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error)
	// Close closes the connections. No call is under way.
	Close() error
}

// Limit is a program that answers messages without being an RPC framework. It shows
// what the machine lets anybody reach. It makes its own load, for a call per
// goroutine would be part of what it leaves out.
type Limit interface {
	// Serve is that of Peer.
	Serve(ln net.Listener, s *Service) (io.Closer, error)
	// Dial opens the connections for a load, and tells r of each message.
	Dial(ctx context.Context, addr string, load Load, r Recorder) (Driver, error)
}

// Load is what a Limit is to do.
type Load struct {
	Callers, Conns int // messages under way, and connections that they share
	Payload        int // bytes of payload in each message
}

// Driver makes the load of a Limit.
type Driver interface {
	// Drive keeps messages under way until ctx ends. It is called once.
	Drive(ctx context.Context) error
	// Close closes the connections.
	Close() error
}

// Recorder takes down how calls ended.
type Recorder interface {
	// Done says that a call of the given caller, a number from 0, took so long. It is
	// called concurrently.
	Done(caller int, took time.Duration, err error)
}

// CloserFunc is a function that closes something.
type CloserFunc func() error

// Close calls f.
func (f CloserFunc) Close() error { return f() }
