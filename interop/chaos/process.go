// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// process is one server of a cluster. It may run or not, but its address stays.
type process struct {
	args    []string
	env     []string
	command *exec.Cmd // nil: it does not run
	stdin   io.Closer
}

// newProcess describes a server. It does not start it.
func newProcess(f framework, boardFile string, index int, addr string, h handling) *process {
	p := &process{args: []string{
		"serve", "-framework", f.String(), "-board", boardFile, "-addr", addr,
		"-server", strconv.Itoa(index), "-tokens", strconv.Itoa(h.tokens),
	}}
	if h.burn > 0 {
		p.env = []string{"GOMAXPROCS=1"}
	}
	return p
}

// start starts the server and waits until it serves. It ends with ctx.
func (p *process) start(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, p.args...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), p.env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.command, p.stdin = cmd, stdin
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		return errors.Join(fmt.Errorf("server has not started: it printed %q: %w", line, err), p.end(syscall.SIGKILL))
	}
	return nil
}

// signal sends a signal to the server.
func (p *process) signal(s syscall.Signal) error { return p.command.Process.Signal(s) }

// end sends a signal that ends the server, and waits until it has ended.
func (p *process) end(s syscall.Signal) error {
	if p.command == nil {
		return nil
	}
	cmd := p.command
	err := cmd.Process.Signal(s)
	if waited := cmd.Wait(); s == syscall.SIGTERM {
		err = errors.Join(err, waited)
	}
	_ = p.stdin.Close()
	p.command = nil
	return err
}

// Ports are below those that systems give to outgoing connections: one of these, made
// by a client while the server is down, could else take the server's port.
const (
	lowestPort = 20_000
	ports      = 10_000
)

// freeAddrs returns addresses on the loopback interface that nobody listens on.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	first := rand.N(ports)
	for i := 0; len(addrs) < n && i < ports; i++ {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+(first+i)%ports))
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		addrs = append(addrs, addr)
		if err := ln.Close(); err != nil {
			return nil, err
		}
	}
	if len(addrs) < n {
		return nil, errors.New("no free ports")
	}
	return addrs, nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
