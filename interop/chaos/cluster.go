// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// cluster is servers that run in processes of their own, and their board.
type cluster struct {
	board     *board
	processes []*process
	addrs     []string
	dir       string
}

// handling is what a handler does.
type handling struct {
	wait   time.Duration
	burn   time.Duration // of a processor; the server has one
	tokens int           // bounds how many handlers do so at a time; 0: all
}

// startCluster starts servers. They end with ctx at the latest.
func startCluster(ctx context.Context, f framework, servers int, h handling) (c *cluster, err error) {
	c = new(cluster)
	if c.dir, err = os.MkdirTemp("", "chaos"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	file := filepath.Join(c.dir, "board")
	if c.board, err = newBoard(file); err != nil {
		return nil, err
	}
	if c.addrs, err = freeAddrs(servers); err != nil {
		return nil, err
	}
	for i, addr := range c.addrs {
		c.board.slots[i].delay.Store(int64(h.wait))
		c.board.slots[i].burn.Store(int64(h.burn))
		p := newProcess(f, file, i, addr, h)
		c.processes = append(c.processes, p)
		if err := p.start(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// stop kills the servers.
func (c *cluster) stop() {
	var errs []error
	for _, p := range c.processes {
		errs = append(errs, p.end(syscall.SIGKILL))
	}
	if err := errors.Join(append(errs, os.RemoveAll(c.dir))...); err != nil {
		warn(err)
	}
}

// arrived returns how many calls have reached the servers.
func (c *cluster) arrived() int64 {
	var n uint64
	for i := range c.processes {
		n += c.board.slots[i].arrived.Load()
	}
	return int64(n)
}
