// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// scenario is what is measured, apart from the peer.
type scenario struct {
	Callers int           `json:"callers"`           // goroutines that call
	Conns   int           `json:"conns"`             // connections that they share
	Delay   time.Duration `json:"delay_ns"`          // that the handler takes
	Payload int           `json:"payload,omitempty"` // bytes of it; 0: the 581-byte message
	Rate    int           `json:"rate,omitempty"`    // calls to start per second; 0: each caller one after the other
}

// String returns "callers/connections" and what else is special.
func (s scenario) String() string {
	text := fmt.Sprintf("%d/%d", s.Callers, s.Conns)
	if s.Delay > 0 {
		text += " delay " + s.Delay.String()
	}
	if s.Payload > 0 {
		text += " payload " + formatSize(s.Payload)
	}
	if s.Rate > 0 {
		text += fmt.Sprintf(" rate %d/s", s.Rate)
	}
	return text
}

// describe says the same in words.
func (s scenario) describe() string {
	parts := []string{plural(s.Callers, "caller"), plural(s.Conns, "connection")}
	if s.Payload > 0 {
		parts = append(parts, formatSize(s.Payload)+" payload")
	} else {
		parts = append(parts, "581-byte message")
	}
	if s.Delay > 0 {
		parts = append(parts, "handler takes "+s.Delay.String())
	}
	if s.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%d calls/s begun, latency from the intended start", s.Rate))
	}
	return strings.Join(parts, ", ")
}

func (s scenario) check() error {
	switch {
	case s.Callers < 1 || s.Conns < 1:
		return fmt.Errorf("%s: at least one caller and one connection are needed", s)
	case s.Delay < 0 || s.Payload < 0 || s.Rate < 0:
		return fmt.Errorf("%s: negative delay, payload or rate", s)
	case s.Payload > 3<<20:
		return fmt.Errorf("%s: not every peer takes more than 3 MiB", s)
	default:
		return nil
	}
}

// cross returns every combination of the given values, each a comma-separated list.
// A number of connections may be "each": one per caller.
func cross(callers, conns, delays, payloads string, rate int) ([]scenario, error) {
	cs, err1 := numbers("-callers", callers, strconv.Atoi)
	ps, err2 := numbers("-payload", payloads, parseSize)
	ds, err3 := numbers("-delay", delays, parseDelay)
	ns, err4 := numbers("-conns", conns, func(text string) (int, error) {
		if text == "each" {
			return 0, nil
		}
		n, err := strconv.Atoi(text)
		if err == nil && n < 1 {
			err = errors.New("want a positive number or each")
		}
		return n, err
	})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	var all []scenario
	for _, d := range ds {
		for _, p := range ps {
			for _, n := range ns {
				for _, c := range cs {
					s := scenario{Callers: c, Conns: n, Delay: d, Payload: p, Rate: rate}
					if n == 0 {
						s.Conns = c
					}
					if err := s.check(); err != nil {
						return nil, err
					}
					all = append(all, s)
				}
			}
		}
	}
	return all, nil
}

func numbers[T any](flag, list string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	for text := range strings.SplitSeq(list, ",") {
		n, err := parse(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", flag, list, err)
		}
		all = append(all, n)
	}
	return all, nil
}

func parseDelay(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// parseSize parses a number of bytes with an optional K or M, powers of 1024.
func parseSize(text string) (int, error) {
	digits, unit := text, 1
	if s, ok := strings.CutSuffix(text, "K"); ok {
		digits, unit = s, 1<<10
	} else if s, ok := strings.CutSuffix(text, "M"); ok {
		digits, unit = s, 1<<20
	}
	n, err := strconv.Atoi(digits)
	return n * unit, err
}

func formatSize(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d B", n)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
