// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"time"
)

// clientCommand measures a peer against a server that runs, and prints the
// measurement as a line of JSON.
func clientCommand(ctx context.Context, args []string, std stdio) error {
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(std.err)
	var s scenario
	name := flags.String("peer", "ours", "the `peer`; see benchmark peers")
	addr := flags.String("addr", "", "`address` of the server")
	control := flags.String("control", "", "`address` where the server tells what it has used; empty: not asked")
	flags.IntVar(&s.Callers, "callers", 1, "goroutines that call")
	flags.IntVar(&s.Conns, "conns", 1, "connections that they share")
	flags.DurationVar(&s.Delay, "delay", 0, "what the server was told, for the record")
	flags.IntVar(&s.Payload, "payload", 0, "`bytes` of payload in the place of the 581-byte message")
	flags.IntVar(&s.Rate, "rate", 0, "calls to begin per second; 0: callers call one after the other")
	warmup := flags.Duration("warmup", 500*time.Millisecond, "time before anything is recorded")
	duration := flags.Duration("duration", 2*time.Second, "time that is recorded")
	profile := flags.String("profile", "", "write profiles of both sides to files whose names begin with `PREFIX`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := peerNamed(*name)
	if err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	if !p.fits(s) {
		return fmt.Errorf("%s cannot do %s", p.name, s)
	}
	l, err := newLoad(ctx, p, *addr, s, new(recorder))
	if err != nil {
		return err
	}
	defer func() { _ = l.close() }() // the process ends anyway
	var server serverUsage
	if *control != "" {
		server = controlAt(*control).usage
	}
	stopProfile := func() error { return nil }
	m, err := measure(ctx, l, timing{*warmup, *duration}, server, func() (err error) {
		if *profile != "" {
			stopProfile, err = startProfiles(ctx, *profile, controlAt(*control), *duration)
		}
		return err
	})
	if err := errors.Join(err, stopProfile()); err != nil {
		return err
	}
	return json.NewEncoder(std.out).Encode(m)
}
