// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"runtime/pprof"
	"time"
)

// startProfiles profiles this process, and the server for the given time unless it
// has no control. The result ends that, waits for it, and adds what was allocated.
// The files are prefix-client-cpu.pprof, and so on.
func startProfiles(ctx context.Context, prefix string, server controlAt, d time.Duration) (stop func() error, err error) {
	stop = func() error { return nil }
	own, err := os.Create(prefix + "-client-cpu.pprof")
	if err != nil {
		return stop, err
	}
	if err := pprof.StartCPUProfile(own); err != nil {
		return stop, errors.Join(err, own.Close())
	}
	fetched := make(chan error, 1)
	go func() {
		if server == "" {
			fetched <- nil
			return
		}
		fetched <- server.cpuProfile(ctx, prefix+"-server-cpu.pprof", d)
	}()
	return func() error {
		pprof.StopCPUProfile()
		err := errors.Join(own.Close(), writeProfile("allocs", prefix+"-client-allocs.pprof"), <-fetched)
		if server == "" {
			return err
		}
		return errors.Join(err, server.allocProfile(ctx, prefix+"-server-allocs.pprof"))
	}, nil
}

// writeProfile writes a profile of this process to a file.
func writeProfile(name, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(f, 0), f.Close())
}
