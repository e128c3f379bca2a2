// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"math"
	"time"
)

// Config says when a breaker opens and closes. Zero of a field means its default.
type Config struct {
	// Consecutive is how many failures in a row open it. Default 5; negative: any
	// number, only the rate counts.
	Consecutive int
	// Rate is which part of recent calls must have failed to open it. Default 0.5;
	// above 1: never.
	Rate float64
	// MinCalls is how many recent calls there must be for the rate to mean anything.
	// Default 20.
	MinCalls int
	// Window is how fast the past is forgotten for the rate: a call counts for 1/e of
	// its weight after Window, for 1/20 after three of them. Default 10 s.
	Window time.Duration
	// Pause is how long it stays open before the first probe. It doubles with each
	// failed probe, up to MaxPause. Defaults 1 s and 30 s.
	Pause, MaxPause time.Duration
	// Probes is how many probes in a row must succeed to close it. Default 1.
	Probes int
}

func (c Config) withDefaults() Config {
	c.Consecutive = orDefault(c.Consecutive, 5)
	if c.Consecutive < 0 {
		c.Consecutive = math.MaxInt
	}
	if c.Rate <= 0 {
		c.Rate = 0.5
	}
	c.MinCalls = max(orDefault(c.MinCalls, 20), 1)
	c.Window = positive(c.Window, 10*time.Second)
	c.Pause = positive(c.Pause, time.Second)
	c.MaxPause = max(positive(c.MaxPause, 30*time.Second), c.Pause)
	c.Probes = max(c.Probes, 1)
	return c
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

func positive(v, def time.Duration) time.Duration {
	if v <= 0 {
		return def
	}
	return v
}
