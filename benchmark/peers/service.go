// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/pb"
)

// Service is what the servers of all peers serve, and counts what they served. Its
// methods may be called concurrently.
type Service struct {
	delay  time.Duration
	served atomic.Int64
}

// NewService returns a service that takes delay for each call, pretending to work.
func NewService(delay time.Duration) *Service { return &Service{delay: delay} }

// Say fills in the reply to args. Without a delay it lets other goroutines run, as
// the servers of rpcx-benchmark do.
func (s *Service) Say(args, reply *pb.BenchmarkMessage) {
	Answer(args, reply)
	if s.delay > 0 {
		time.Sleep(s.delay)
	} else {
		runtime.Gosched()
	}
	s.Count(1)
}

// Count says that n calls were served otherwise than by Say.
func (s *Service) Count(n int) { s.served.Add(int64(n)) }

// Served returns how many calls were served.
func (s *Service) Served() int64 { return s.served.Load() }
