// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// usage is what a process has used since it began, and how many calls it has made
// or served meanwhile: what it says is of one moment.
type usage struct {
	CPU     time.Duration `json:"cpu_ns"` // user and system
	Mallocs uint64        `json:"mallocs"`
	Bytes   uint64        `json:"bytes"` // allocated
	RSS     uint64        `json:"rss"`   // bytes now; 0: unknown
	Calls   int64         `json:"calls"`
}

// currentUsage returns the usage of this process, which has made or served calls.
func currentUsage(calls int64) (usage, error) {
	cpu, err := cpuTime(syscall.RUSAGE_SELF)
	if err != nil {
		return usage{}, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{
		CPU:     cpu,
		Mallocs: m.Mallocs,
		Bytes:   m.TotalAlloc,
		RSS:     residentMemory(),
		Calls:   calls,
	}, nil
}

// cpuTime returns the user and system time of this process, or of those that it has awaited.
func cpuTime(who int) (time.Duration, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), nil
}

// residentMemory reads what the kernel knows; 0 where there is no /proc.
func residentMemory() uint64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// perCall is what a call cost one process.
type perCall struct {
	CPU    float64 `json:"cpu_us"`
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
	RSS    float64 `json:"rss_mib"` // not per call
}

// since returns what each call has cost since before.
func (u usage) since(before usage) perCall {
	p := perCall{RSS: float64(u.RSS) / (1 << 20)}
	if calls := float64(u.Calls - before.Calls); calls > 0 {
		p.CPU = float64(u.CPU-before.CPU) / 1e3 / calls
		p.Allocs = float64(u.Mallocs-before.Mallocs) / calls
		p.Bytes = float64(u.Bytes-before.Bytes) / calls
	}
	return p
}
