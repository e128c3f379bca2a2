// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

func TestLimitsWithDefaults(t *testing.T) {
	t.Parallel()
	def := protocol.Limits{
		Frame: 16 << 20, Payload: 16 << 20, Name: 1024, Metadata: 64 << 10, Pairs: 1024, Stall: 10 * time.Second,
	}
	set := protocol.Limits{Frame: 1, Payload: 2, Name: 3, Metadata: 4, Pairs: 5, Stall: 6}
	small := def
	small.Frame, small.Payload = 1000, 1000
	huge := def
	huge.Frame, huge.Payload = math.MaxInt32-protocol.HeaderSize, math.MaxInt32-protocol.HeaderSize
	for _, c := range []struct {
		name    string
		in, out protocol.Limits
	}{
		{"zero", protocol.Limits{}, def},
		{"negative", protocol.Limits{Frame: -1, Payload: -1, Name: -1, Metadata: -1, Pairs: -1, Stall: -1}, def},
		{"all set", set, set},
		{"payload follows frame", protocol.Limits{Frame: 1000}, small},
		{"a whole frame fits an int of 32 bits", protocol.Limits{Frame: math.MaxInt32}, huge},
		{"idempotent", def, def},
	} {
		if got := c.in.WithDefaults(); got != c.out {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.out)
		}
	}
}

// pairs returns metadata of n pairs with empty keys and values: 8 bytes each.
func pairs(n int) protocol.Metadata { return protocol.Pairs(make([]string, 2*n)...) }

// valueOf returns metadata of one pair whose encoded block is size bytes long.
func valueOf(size int) protocol.Metadata {
	return protocol.Pairs("k", strings.Repeat("v", size-9))
}

func TestLimitsAtTheEdge(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 1024)
	for _, c := range []struct {
		name string
		m    protocol.Message
		lim  protocol.Limits
		ok   bool
	}{
		{"service 1024", protocol.Message{Service: name}, protocol.Limits{}, true},
		{"service 1025", protocol.Message{Service: name + "n"}, protocol.Limits{}, false},
		{"method 1024", protocol.Message{Method: name}, protocol.Limits{}, true},
		{"method 1025", protocol.Message{Method: name + "n"}, protocol.Limits{}, false},
		{"metadata 64 KiB", protocol.Message{Metadata: valueOf(64 << 10)}, protocol.Limits{}, true},
		{"metadata 64 KiB and 1", protocol.Message{Metadata: valueOf(64<<10 + 1)}, protocol.Limits{}, false},
		{"1024 pairs", protocol.Message{Metadata: pairs(1024)}, protocol.Limits{}, true},
		{"1025 pairs", protocol.Message{Metadata: pairs(1025)}, protocol.Limits{}, false},
		{"1025 pairs allowed", protocol.Message{Metadata: pairs(1025)}, protocol.Limits{Pairs: 1025}, true},
		{"longer names allowed", protocol.Message{Service: name + "n"}, protocol.Limits{Name: 1025}, true},
		{"metadata over a limit of its own", protocol.Message{Metadata: valueOf(20)}, protocol.Limits{Metadata: 19}, false},
		{"frame equal", protocol.Message{Payload: make([]byte, 84)}, protocol.Limits{Frame: 100}, true},
		{"frame over", protocol.Message{Payload: make([]byte, 85)}, protocol.Limits{Frame: 100}, false},
		{"default frame equal", protocol.Message{Payload: make([]byte, 16<<20-16)}, protocol.Limits{}, true},
		{"default frame over", protocol.Message{Payload: make([]byte, 16<<20-15)}, protocol.Limits{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			frames, err := readAll(mustEncode(t, &c.m), c.lim)
			if (len(frames) == 1) != c.ok {
				t.Errorf("read %d frames (%v), want ok=%t", len(frames), err, c.ok)
			}
			if errors.Is(err, protocol.ErrTooLarge) == c.ok || !c.ok && !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
