// SPDX-License-Identifier: Apache-2.0

// Benchmark compares this project with other RPC frameworks, and with what the
// machine lets anybody reach, in one run:
//
//	go run . run                       the whole suite, a quarter of an hour
//	go run . run -quick                half a minute
//	go run . run -peers ours,rpcx -callers 500 -conns 10 -rounds 5 -duration 2s
//	go run . idle                      what idle connections cost
//	go run . targets -json FILE        what a run that was saved reached
//	go run . chart -json FILE -svg FILE
//
// All peers carry the 581-byte message of rpcx-benchmark. Client and server are
// processes of their own, made for each measurement; peers take turns, A B C A B C,
// so that what else the machine does hits all alike; figures are medians over the
// rounds, and ratios are medians of the ratios within each round.
//
// The subcommands server and client are the two halves of a measurement, to be used
// alone for a run over a real network. So is hold.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usageText = `usage: benchmark run     [flags]   compare peers and print tables
       benchmark idle    [flags]   measure what idle connections cost
       benchmark targets [flags]   hold saved results to the targets
       benchmark chart   [flags]   draw saved results
       benchmark server  [flags]   serve one peer
       benchmark client  [flags]   measure one peer against a server
       benchmark hold    [flags]   measure idle connections of one peer to a server
       benchmark peers             list the peers

benchmark COMMAND -h lists the flags of a command.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// stdio is what a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// command runs one subcommand.
func command(ctx context.Context, args []string, std stdio) error {
	if len(args) == 0 {
		fmt.Fprint(std.err, usageText)
		return flag.ErrHelp
	}
	switch name, args := args[0], args[1:]; name {
	case "run":
		return runCommand(ctx, args, std)
	case "idle":
		return idleCommand(ctx, args, std)
	case "targets":
		return targetsCommand(args, std)
	case "chart":
		return chartCommand(args, std)
	case "hold":
		return holdCommand(ctx, args, std)
	case "server":
		return serverCommand(ctx, args, std)
	case "client":
		return clientCommand(ctx, args, std)
	case "peers":
		listPeers(std.out)
		return nil
	case "help", "-h", "-help", "--help":
		fmt.Fprint(std.out, usageText)
		return nil
	default:
		fmt.Fprint(std.err, usageText)
		return fmt.Errorf("no command %q", name)
	}
}
