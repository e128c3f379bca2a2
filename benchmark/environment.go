// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// environment is what a reader must know to compare figures.
type environment struct {
	Time     time.Time         `json:"time"`
	Go       string            `json:"go"`
	System   string            `json:"system"`
	CPU      string            `json:"cpu,omitempty"`
	CPUs     int               `json:"cpus"`
	Load     string            `json:"load,omitempty"` // averages of 1, 5 and 15 minutes before the run
	Command  string            `json:"command"`        // that measured
	Versions map[string]string `json:"versions"`       // of the peers' modules

	order []string // of Versions
}

// environmentOf returns the environment of what a command measures.
func environmentOf(ps []peer, command string) environment {
	e := environment{
		Time:     time.Now().UTC().Truncate(time.Second),
		Go:       runtime.Version(),
		System:   runtime.GOOS + "/" + runtime.GOARCH,
		CPU:      lineOf("/proc/cpuinfo", "model name"),
		CPUs:     runtime.GOMAXPROCS(0),
		Command:  command,
		Versions: make(map[string]string),
	}
	if avg, err := os.ReadFile("/proc/loadavg"); err == nil {
		e.Load = strings.Join(strings.Fields(string(avg))[:3], " ")
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return e
	}
	for _, p := range ps {
		for _, dep := range info.Deps {
			if dep.Path == p.module && e.Versions[dep.Path] == "" && dep.Replace == nil {
				e.Versions[dep.Path] = dep.Version
				e.order = append(e.order, dep.Path)
			}
		}
	}
	return e
}

// lineOf returns the value of a key in a file of lines "key : value", "" if it is
// not to be had.
func lineOf(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// String returns all of it, in two or three lines.
func (e *environment) String() string {
	lines := []string{e.short()}
	if e.Load != "" {
		lines[0] += ", load " + e.Load
	}
	var versions []string
	for _, module := range e.order {
		versions = append(versions, path.Base(module)+" "+e.Versions[module])
	}
	if len(versions) > 0 {
		lines = append(lines, strings.Join(versions, ", "))
	}
	return strings.Join(lines, "\n")
}

// short returns when and on what it was, in one line.
func (e *environment) short() string {
	text := fmt.Sprintf("%s, %s, %s, %s", e.Time.Format("2006-01-02 15:04 MST"), e.Go, e.System, plural(e.CPUs, "CPU"))
	if e.CPU != "" {
		text += " (" + e.CPU + ")"
	}
	return text
}

// captions returns what stands below a picture.
func (e *environment) captions() []string {
	return []string{e.short(), "medians; peers took turns, client and server in processes of their own", e.Command}
}
