// SPDX-License-Identifier: Apache-2.0

package tokenbucket_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/internal/tokenbucket"
)

func TestTake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := tokenbucket.New(tokenbucket.Rate{PerSecond: 10, Burst: 3})
		passed := 0
		for range 5 {
			if b.Take("a") == 0 {
				passed++
			}
		}
		if passed != 3 {
			t.Errorf("%d of 5 pass at once, want the burst of 3", passed)
		}
		if wait := b.Take("a"); wait != 100*time.Millisecond {
			t.Errorf("the next token comes after %v, want 100ms", wait)
		}
		if wait := b.Take("b"); wait != 0 {
			t.Errorf("another key waits %v", wait)
		}
		time.Sleep(100 * time.Millisecond)
		if wait := b.Take("a"); wait != 0 {
			t.Errorf("after the pause it waits %v more", wait)
		}
		time.Sleep(time.Hour)
		passed = 0
		for range 5 {
			if b.Take("a") == 0 {
				passed++
			}
		}
		if passed != 3 {
			t.Errorf("%d of 5 pass after a long rest, want the burst of 3", passed)
		}
	})
}

// Limits for what happens seldom are what they say.
func TestSlowRate(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, every := range []time.Duration{time.Hour, day, 365 * day} {
		synctest.Test(t, func(t *testing.T) {
			b := tokenbucket.New(tokenbucket.Rate{PerSecond: 1 / every.Seconds(), Burst: 2})
			for i, want := range []bool{true, true, false} {
				if wait := b.Take("a"); (wait == 0) != want {
					t.Errorf("every %v: number %d waits %v", every, i, wait)
				}
			}
			time.Sleep(every - time.Second)
			if wait := b.Take("a"); wait < time.Second-time.Millisecond || wait > time.Second+time.Millisecond {
				t.Errorf("every %v: a second before that the next waits %v", every, wait)
			}
			time.Sleep(time.Second + time.Millisecond)
			if wait := b.Take("a"); wait != 0 {
				t.Errorf("every %v: after it the next waits %v", every, wait)
			}
		})
	}
}

// However many keys there are, memory is bounded, and none of them goes free.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := tokenbucket.New(tokenbucket.Rate{PerSecond: 1, Burst: 1, MaxKeys: 4})
		passed := 0
		for i := range 100 {
			if b.Take(fmt.Sprint(i)) == 0 {
				passed++
			}
		}
		if passed != 5 {
			t.Errorf("%d keys pass, want the 4 remembered ones and 1 for all others", passed)
		}
		time.Sleep(2 * time.Second)
		if wait := b.Take("new"); wait != 0 {
			t.Errorf("keys that rest are not forgotten: a new one waits %v", wait)
		}
	})
}

func TestWithDefaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		in, want tokenbucket.Rate
	}{
		{"nothing", tokenbucket.Rate{}, tokenbucket.Rate{PerSecond: 1000, Burst: 1000, MaxKeys: 10_000}},
		{"nonsense", tokenbucket.Rate{PerSecond: math.NaN(), Burst: -1, MaxKeys: -1}, tokenbucket.Rate{PerSecond: 1000, Burst: 1000, MaxKeys: 10_000}},
		{"slow", tokenbucket.Rate{PerSecond: 0.1}, tokenbucket.Rate{PerSecond: 0.1, Burst: 1, MaxKeys: 10_000}},
		{"endless", tokenbucket.Rate{PerSecond: math.Inf(1)}, tokenbucket.Rate{PerSecond: math.Inf(1), Burst: math.MaxInt32, MaxKeys: 10_000}},
		{"all", tokenbucket.Rate{PerSecond: 5, Burst: 6, MaxKeys: 7}, tokenbucket.Rate{PerSecond: 5, Burst: 6, MaxKeys: 7}},
	} {
		if got := tt.in.WithDefaults(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// Keys keep no more memory than their number is worth, however long they are and whatever
// they were cut out of.
func TestKeysAreSmall(t *testing.T) {
	const n, size = 1000, 64 << 10
	for name, length := range map[string]int{"long": size, "part of something long": 20} {
		b := tokenbucket.New(tokenbucket.Rate{PerSecond: 0.01, Burst: 2})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range n {
			for range 2 { // a map may keep the key that it was given last
				text := fmt.Sprintf("%020d", i) + strings.Repeat("x", size-20)
				if b.Take(text[:length]) != 0 {
					t.Fatalf("%s: key %d is taken for another", name, i)
				}
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if got := int64(after.HeapAlloc) - int64(before.HeapAlloc); got > n*size/10 {
			t.Errorf("%s: %d bytes are held for %d keys", name, got, n)
		}
		if b.Take((fmt.Sprintf("%020d", 0) + strings.Repeat("x", size-20))[:length]) == 0 {
			t.Errorf("%s: a key is not known again", name)
		}
	}
}
