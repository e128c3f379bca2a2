// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"

	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// serverAddrs is what a server prints once it serves.
type serverAddrs struct {
	Addr    string `json:"addr"`
	Control string `json:"control"`
}

// serverCommand serves a peer until ctx ends.
func serverCommand(ctx context.Context, args []string, std stdio) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(std.err)
	name := flags.String("peer", "ours", "the `peer`; see benchmark peers")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to serve on")
	control := flags.String("control", "127.0.0.1:0", "`address` of HTTP /usage and /debug/pprof")
	delay := flags.Duration("delay", 0, "time that the handler takes")
	tied := flags.Bool("tied", false, "end with the standard input, so as not to outlive who started it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := peerNamed(*name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if *tied {
		go func() { // ends with the process
			_, _ = io.Copy(io.Discard, std.in)
			cancel()
		}()
	}
	service := peers.NewService(*delay)
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	addrs := serverAddrs{Addr: ln.Addr().String()}
	srv, err := p.serve(ln, service)
	if err != nil {
		return fmt.Errorf("serve %s: %w", p.name, err)
	}
	ctl, err := newControl(ctx, *control, service)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	addrs.Control = ctl.addr
	if err := json.NewEncoder(std.out).Encode(addrs); err != nil {
		return err
	}
	<-ctx.Done()
	return ctl.close() // clients may still be connected; the process ends anyway
}
