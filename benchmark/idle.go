// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/peers"
)

const (
	// idleConns is how many connections the suite leaves idle.
	idleConns = 1000
	// idleTime is how long they are left alone.
	idleTime = 3 * time.Second
	// idleTakes is how long that takes for a peer, about.
	idleTakes = idleTime + 3*time.Second
)

// idleCost is what a connection of a peer costs that was used once and is not any more.
type idleCost struct {
	Peer   string  `json:"peer"`
	Conns  int     `json:"conns"` // that were opened
	Client perConn `json:"client"`
	Server perConn `json:"server"`
}

// idlePeers returns those of ps that have connections which can be idle, but for one that
// differs in its messages only.
func idlePeers(ps []peer) []peer {
	var all []peer
	for _, p := range ps {
		if p.framework != nil && p.name != "ours-vt" {
			all = append(all, p)
		}
	}
	return all
}

// runIdle measures idle connections of each peer.
func (p *plan) runIdle(ctx context.Context, w io.Writer, done func(*idleCost) error) error {
	var failed error
	for _, who := range idlePeers(p.peers) {
		m, err := p.measureIdle(ctx, who)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			fmt.Fprintf(w, "[idle] %-15s FAILED: %v\n", who.name, err)
			failed = errors.Join(failed, fmt.Errorf("%s idle: %w", who.name, err))
			continue
		}
		fmt.Fprintf(w, "[idle] %-15s %d connections  server %s KiB  client %s KiB each\n",
			who.name, m.Conns, formatKiB(m.Server.total()), formatKiB(m.Client.total()))
		if err := done(m); err != nil {
			return err
		}
	}
	return failed
}

// measureIdle measures one peer, with processes of its own.
func (p *plan) measureIdle(ctx context.Context, who peer) (*idleCost, error) {
	ctx, cancel := context.WithTimeout(ctx, idleTime+time.Minute)
	defer cancel()
	srv, err := startServer(ctx, who, 0)
	if err != nil {
		return nil, err
	}
	args := []string{
		"hold", "-peer", who.name, "-addr", srv.Addr, "-control", srv.Control, "-conns", fmt.Sprint(p.idle),
		"-calls", fmt.Sprint(max(p.idleCalls, 1)),
	}
	if p.profiles != "" {
		args = append(args, "-profile", filepath.Join(p.profiles, who.name+"-idle"))
	}
	m := new(idleCost)
	err = runSelf(ctx, m, args...)
	return m, errors.Join(err, srv.stop())
}

// holdCommand opens connections, makes a call on each, leaves them alone and prints
// what they cost.
func holdCommand(ctx context.Context, args []string, std stdio) error {
	flags := flag.NewFlagSet("hold", flag.ContinueOnError)
	flags.SetOutput(std.err)
	name := flags.String("peer", "ours", "the `peer`; see benchmark peers")
	addr := flags.String("addr", "", "`address` of the server")
	control := flags.String("control", "", "`address` where the server tells what it holds")
	conns := flags.Int("conns", idleConns, "connections to open")
	calls := flags.Int("calls", 1, "calls to make on each")
	idle := flags.Duration("idle", idleTime, "how long to leave them alone")
	profile := flags.String("profile", "", "write heap profiles of both sides to files whose names begin with `PREFIX`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := peerNamed(*name)
	switch {
	case err != nil:
		return err
	case p.framework == nil:
		return fmt.Errorf("%s has no idle connections", p.name)
	case *conns < 1 || *calls < 1:
		return fmt.Errorf("-conns %d -calls %d: at least one is needed", *conns, *calls)
	}
	m, err := hold(ctx, p, *addr, controlAt(*control), *conns, *calls, *idle)
	if err != nil {
		return err
	}
	if *profile != "" {
		err = errors.Join(writeProfile("heap", *profile+"-client-heap.pprof"),
			controlAt(*control).save(ctx, "/debug/pprof/heap", *profile+"-server-heap.pprof"))
	}
	return errors.Join(err, json.NewEncoder(std.out).Encode(m))
}

// hold measures what connections cost more than one connection does: what only the first
// one needs is not theirs. They are still open when it returns.
func hold(ctx context.Context, p peer, addr string, control controlAt, conns, calls int, idle time.Duration) (*idleCost, error) {
	first, err := openIdle(ctx, p, addr, 1, calls)
	if err != nil {
		return nil, err
	}
	serverBefore, err := control.memory(ctx)
	if err != nil {
		return nil, err
	}
	clientBefore := settledMemory()
	rest, err := openIdle(ctx, p, addr, conns, calls)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	server, err := control.memory(ctx)
	if err != nil {
		return nil, err
	}
	client := settledMemory()
	runtime.KeepAlive(first)
	runtime.KeepAlive(rest)
	if opened := client.Sockets - clientBefore.Sockets; opened > 0 {
		conns = opened // some choose by themselves
	}
	return &idleCost{
		Peer: p.name, Conns: conns,
		Client: client.since(clientBefore, conns), Server: server.since(serverBefore, conns),
	}, nil
}

// openIdle opens connections that end with the process, and makes calls on each.
func openIdle(ctx context.Context, p peer, addr string, conns, calls int) (*load, error) {
	l, err := newLoad(ctx, p, addr, scenario{Callers: conns, Conns: conns}, nil)
	if err != nil {
		return nil, err
	}
	args := peers.NewMessage(0)
	for n := conns; n < conns*calls; n++ { // newLoad has made one on each
		if err := l.call(ctx, n%conns, args, n); err != nil {
			return nil, errors.Join(err, l.close())
		}
	}
	return l, nil
}

// idleCommand measures the idle connections of peers.
func idleCommand(ctx context.Context, args []string, std stdio) error {
	flags := flag.NewFlagSet("idle", flag.ContinueOnError)
	flags.SetOutput(std.err)
	var o runOptions
	o.registerOutput(flags)
	flags.IntVar(&o.idle, "conns", idleConns, "`number` of idle connections")
	calls := flags.Int("calls", 1, "calls to make on each, one after the other, before it is idle")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := &plan{idle: o.idle, idleCalls: *calls, profiles: o.profiles}
	if o.idle < 1 || *calls < 1 {
		return fmt.Errorf("-conns %d -calls %d: at least one is needed", o.idle, *calls)
	}
	if err := o.setPeers(p); err != nil {
		return err
	}
	return p.report(ctx, &o, commandLine(flags), std)
}

// printIdle prints a table of what idle connections cost.
func printIdle(w io.Writer, all []*idleCost) {
	if len(all) == 0 {
		return
	}
	t := &table{
		groups: []string{"", "", "KiB, server", "", "", "", "KiB, client", "", "", ""},
		cells:  [][]string{{"peer", "connections", "both", "heap", "stacks", "RSS", "both", "heap", "stacks", "RSS"}},
	}
	for _, m := range all {
		row := []string{m.Peer, fmt.Sprint(m.Conns)}
		for _, c := range []perConn{m.Server, m.Client} {
			row = append(row, formatKiB(c.total()), formatKiB(c.Heap), formatKiB(c.Stacks), formatKiB(c.RSS))
		}
		t.cells = append(t.cells, row)
	}
	fmt.Fprintf(w, "\nidle: what a connection costs that was used and is not any more\n\n%s", t)
}

func formatKiB(bytes float64) string {
	return fmt.Sprintf("%.1f", math.Round(bytes/102.4)/10+0) // no negative zero
}
