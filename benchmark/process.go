// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// serverProcess is a server that runs.
type serverProcess struct {
	serverAddrs
	command *exec.Cmd
	stdin   io.Closer // ends it
	stderr  *bytes.Buffer
	drained sync.WaitGroup // what peers print
}

// self returns a command that runs this program again.
func self(ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr, nil
}

// startServer starts a server and waits until it serves. It ends with ctx.
func startServer(ctx context.Context, p peer, delay time.Duration) (*serverProcess, error) {
	cmd, stderr, err := self(ctx, "server", "-tied", "-peer", p.name, "-delay", delay.String())
	if err != nil {
		return nil, err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &serverProcess{command: cmd, stdin: stdin, stderr: stderr}
	err = json.NewDecoder(stdout).Decode(&s.serverAddrs)
	s.drained.Go(func() { _, _ = io.Copy(io.Discard, stdout) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server has not started: %w", err), s.stop())
	}
	return s, nil
}

// stop ends the server.
func (s *serverProcess) stop() error {
	_ = s.stdin.Close() // then it ends, or is killed with the context
	s.drained.Wait()
	if err := s.command.Wait(); err != nil {
		return fmt.Errorf("server: %w: %s", err, lastLine(s.stderr.Bytes()))
	}
	return nil
}

// runSelf runs this program again with args, and decodes what it prints last.
func runSelf(ctx context.Context, result any, args ...string) error {
	cmd, stderr, err := self(ctx, args...)
	if err != nil {
		return err
	}
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, lastLine(stderr.Bytes()))
	}
	if err := json.Unmarshal(lastLine(out), result); err != nil { // peers may print too
		return fmt.Errorf("%s printed %q: %w", args[0], out, err)
	}
	return nil
}

// lastLine returns the last line of what a process wrote, which says how it ended.
func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
