// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/pb"
)

func TestService(t *testing.T) {
	t.Parallel()
	s := NewService(0)
	var calling sync.WaitGroup
	for n := range 50 {
		calling.Go(func() {
			args, reply := NewMessage(0), new(pb.BenchmarkMessage)
			Tag(args, n)
			s.Say(args, reply)
			if err := Verify(args, reply); err != nil {
				t.Error(err)
			}
		})
	}
	calling.Wait()
	s.Count(7)
	if got := s.Served(); got != 57 {
		t.Errorf("served %d, want 57", got)
	}
}

func TestServiceDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewService(30 * time.Millisecond)
		began := time.Now()
		s.Say(NewMessage(0), new(pb.BenchmarkMessage))
		if took := time.Since(began); took != 30*time.Millisecond {
			t.Errorf("took %v, want 30ms", took)
		}
	})
}
