// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import "time"

// newSleeper returns a function that sleeps and one that gives back what it needs.
func newSleeper() (sleep func(time.Duration), free func()) {
	return time.Sleep, func() {}
}
