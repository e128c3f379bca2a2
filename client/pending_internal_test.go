// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// However calls come and go, the table has each once, and gives it out once.
func TestTable(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var calls table
	there := make(map[uint64]*pending)
	for range 20_000 {
		switch seq := random.Uint64N(64); {
		case there[seq] == nil && len(there) < 1+random.IntN(40):
			p := calls.add(seq, time.Duration(random.IntN(100)))
			if p == nil || p.seq != seq || p.late || p.err != nil || len(p.done) != 0 {
				t.Fatalf("call %d begins as %+v", seq, p)
			}
			there[seq] = p
		case random.IntN(50) == 0:
			now := time.Duration(random.IntN(50))
			expired, next := calls.expire(now)
			for seq, p := range there {
				switch {
				case p.due == 0:
				case p.due > now:
					if p.due < next || p.late {
						t.Fatalf("call %d is due at %v, expire(%v) said the next is at %v", seq, p.due, now, next)
					}
				default:
					<-p.done
					delete(there, seq)
					p.free()
					expired--
				}
			}
			if expired != 0 {
				t.Fatalf("%d more calls expired than were due", expired)
			}
		default:
			p := calls.take(seq)
			if p != there[seq] {
				t.Fatalf("take(%d) = %p, want %p", seq, p, there[seq])
			}
			if p != nil {
				delete(there, seq)
				p.free()
			}
		}
		if calls.len() != len(there) {
			t.Fatalf("the table says %d calls, there are %d", calls.len(), len(there))
		}
	}
	calls.add(1000, 0)
	calls.add(1004, 0)
	there[1000], there[1004] = nil, nil
	reason := errors.New("the end")
	calls.close(reason)
	if calls.len() != 0 || calls.add(2000, 0) != nil {
		t.Error("a closed table has or takes calls")
	}
	for seq, p := range there {
		if p != nil && (len(p.done) != 1 || !errors.Is(p.err, reason)) {
			t.Errorf("call %d did not end with the table", seq)
		}
	}
}
