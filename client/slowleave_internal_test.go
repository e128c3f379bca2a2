// SPDX-License-Identifier: Apache-2.0

//go:build !race

// The test replaces the context of a live connection.

package client

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// held stops whoever asks it from vacate, once.
type held struct {
	context.Context
	once             sync.Once
	reached, release chan struct{}
}

func (h *held) Err() error {
	pcs := make([]uintptr, 4)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	if f, _ := frames.Next(); strings.HasSuffix(f.Function, ".vacate") {
		h.once.Do(func() {
			close(h.reached)
			<-h.release
		})
	}
	return h.Context.Err()
}

// A caller that reads ends at its deadline, though the one that read before it is slow to
// leave.
func TestDeadlineOfTheHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		ln, err := network.Listen(t.Context(), "mem", "peer", transport.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		var serving sync.WaitGroup
		defer serving.Wait()
		defer ln.Close()
		serving.Go(func() {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			r := protocol.NewReader(nc, protocol.Limits{})
			for {
				f, err := r.Next()
				if err != nil {
					return
				}
				if string(f.Method) == "hang" {
					continue
				}
				m := protocol.Message{Header: f.Header, Payload: []byte("x")}
				m.Type = protocol.Response
				b, _ := m.AppendBinary(nil)
				_, _ = nc.Write(b)
			}
		})
		c, err := Dial(t.Context(), "mem", "peer", Option{NoHello: true, Transports: []transport.Transport{network}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		call := func(method string, d time.Duration) error {
			return c.Call(context.Background(), "S", method, []byte("a"), new([]byte), WithTimeout(d))
		}
		for range 2 * lonely {
			if err := call("ok", time.Second); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		h := &held{Context: c.ctx, reached: make(chan struct{}), release: make(chan struct{})}
		c.ctx = h
		var first sync.WaitGroup
		first.Go(func() { _ = call("ok", time.Second) })
		<-h.reached // it has its reply, has left the role, and is not back yet
		began := time.Now()
		second := make(chan time.Duration)
		go func() {
			_ = call("hang", 100*time.Millisecond)
			second <- time.Since(began)
		}()
		synctest.Wait() // it reads
		close(h.release)
		first.Wait()
		if took := <-second; took != 100*time.Millisecond {
			t.Errorf("a call with a time-out of 100 ms took %v", took)
		}
	})
}
