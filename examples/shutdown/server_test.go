// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/examples/internal/programtest"
)

// The program of the page ends without an error when it is told to, and whoever it does not
// answer any more knows that his call did not run.
func TestServer(t *testing.T) {
	t.Parallel()
	addr := programtest.FreeAddr(t)
	built := programtest.Build(t, "server", "127.0.0.1:8972", addr)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	s := exec.CommandContext(ctx, built)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery("tcp@"+addr, ""), client.DefaultOption)
	defer x.Close()
	if err := x.Call(ctx, "Mul", &arith.Args{A: 6, B: 7}, new(arith.Reply), client.WaitForReady()); err != nil {
		t.Error(err)
	}
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			for {
				err := x.Call(ctx, "Mul", &arith.Args{A: 6, B: 7}, new(arith.Reply))
				if err != nil && !rpcx.SafeToRetry(err) {
					t.Error(err)
				}
				if err != nil {
					return
				}
			}
		})
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	callers.Wait()
}
