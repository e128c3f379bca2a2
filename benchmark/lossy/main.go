// SPDX-License-Identifier: Apache-2.0

// Command lossy measures TCP, QUIC, KCP and uTP side by side on a line that is slow and
// loses packets. The line is a TUN device in a network namespace of its own, so the
// program needs Linux, /dev/net/tun, the command ip, and root or user namespaces:
//
//	cd benchmark/lossy && go run .
//
// It prints a table as it stands in docs/guide/transports.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// inside is set for the part of the program that runs in the namespace.
const inside = "RPCX_LOSSY_INSIDE"

func main() {
	log.SetFlags(0)
	log.SetPrefix("lossy: ")
	p := plan{}
	flag.DurationVar(&p.delay, "delay", 25*time.Millisecond, "delay of the line, one way")
	flag.IntVar(&p.mbits, "rate", 20, "rate of the line in Mbit/s, each way")
	flag.DurationVar(&p.duration, "time", 5*time.Second, "time of each run")
	flag.IntVar(&p.rounds, "rounds", 3, "how often each run is repeated")
	flag.Parse()
	run := p.run
	if os.Getenv(inside) == "" {
		run = enter
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// enter runs the program again, in a network namespace where it may do what it likes.
func enter() error {
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return fmt.Errorf("a network namespace cannot be had here, run it as root: %w", err)
	}
	return err
}
