// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// results is what a run finds out.
type results struct {
	Environment  environment
	Measurements []*measurement
	Idle         []*idleCost
}

// of returns what a peer did in a scenario.
func (r *results) of(s scenario, peer string) []*measurement {
	return filter(r.Measurements, func(m *measurement) bool { return m.scenario == s && m.Peer == peer })
}

// idleOf returns the cost of a peer's idle connections, nil if it was not measured.
func (r *results) idleOf(peer string) *idleCost {
	for _, c := range r.Idle {
		if c.Peer == peer {
			return c
		}
	}
	return nil
}

// line is what stands on a line of a file of results, one of the three. A measurement
// has its own.
type line struct {
	Environment *environment `json:"environment,omitempty"`
	Idle        *idleCost    `json:"idle,omitempty"`
}

// readResults reads a file that a run has written.
func readResults(name string) (*results, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	res := new(results)
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		var l struct {
			line
			measurement
		}
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		switch {
		case l.Environment != nil:
			res.Environment = *l.Environment
		case l.Idle != nil:
			res.Idle = append(res.Idle, l.Idle)
		case l.measurement.Peer != "":
			res.Measurements = append(res.Measurements, &l.measurement)
		default:
			return nil, fmt.Errorf("%s:%d: neither an environment nor a measurement", name, n)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return res, nil
}

// resultFile takes what a run finds out, as lines of JSON: first the environment,
// then each measurement. The zero value drops it.
type resultFile struct{ file *os.File }

func createResults(name string) (resultFile, error) {
	f, err := os.Create(name)
	return resultFile{f}, err
}

// write writes a line at once, so that a run that is broken off leaves what it has
// measured.
func (r resultFile) write(v any) error {
	if r.file == nil {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

func (r resultFile) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
