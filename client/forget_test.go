// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
)

// A service that is forgotten makes room for another one.
func TestForgetMakesRoom(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
	c := client.NewClient(client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), p.option(client.Option{MaxServices: 2}))
	closing(t, c)
	call := func(service string) {
		t.Helper()
		if err := c.Call(t.Context(), service, "M", []byte("x"), new([]byte)); err != nil {
			t.Errorf("service %s: %v", service, err)
		}
	}
	call("stays")
	for i := range 10 {
		name := fmt.Sprint(i)
		call(name)
		c.Forget(name)
		c.Forget(name)
	}
	c.Forget("never called")
	call("stays")
	if n := p.accepted(); n != 1 {
		t.Errorf("%d connections: a server that one service still has must stay connected", n)
	}
}

// The connections of a forgotten service are closed, when their calls have ended.
func TestForgetClosesConnections(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := client.NewClient(client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), p.option(client.Option{}))
	closing(t, c)
	done := make(chan error, 1)
	go func() { done <- c.Call(t.Context(), "S", "M", []byte("x"), new([]byte)) }()
	w := p.accept()
	m := w.next()
	c.Forget("S")
	w.reply(m, "late")
	if err := receive(t, done, "the call under way"); err != nil {
		t.Errorf("the call under way: %v", err)
	}
	w.wantEnd()
	go func() { done <- c.Call(t.Context(), "S", "M", []byte("x"), new([]byte)) }()
	w = p.accept()
	w.reply(w.next(), "anew")
	if err := receive(t, done, "a later call"); err != nil {
		t.Errorf("a later call: %v", err)
	}
}

// silentFirst says nothing to its first watcher.
type silentFirst struct {
	client.Discovery

	watches chan struct{}
	once    sync.Once
}

// Watch implements registry.Resolver.
func (d *silentFirst) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	first := false
	d.once.Do(func() { first = true })
	d.watches <- struct{}{}
	if first {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.Discovery.Watch(ctx, service, update)
}

// A call that waits for the servers of a service when that is forgotten asks anew.
func TestForgetWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]client.CallOption{nil, {client.WaitForReady()}} {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		d := &silentFirst{Discovery: client.NewPeer2PeerDiscovery(p.key(), ""), watches: make(chan struct{}, 2)}
		c := client.NewClient(client.Failfast, client.RandomSelect, d, p.option(client.Option{}))
		closing(t, c)
		done := make(chan error, 1)
		go func() { done <- c.Call(t.Context(), "S", "M", []byte("x"), new([]byte), opts...) }()
		receive(t, d.watches, "the watch")
		c.Forget("S")
		if err := receive(t, done, "the call"); err != nil {
			t.Errorf("the call: %v", err)
		}
	}
}

// refusing is a discovery that cannot work.
type refusing struct{}

// Watch implements registry.Resolver.
func (refusing) Watch(context.Context, string, func([]registry.Instance)) error {
	return rpcx.Errorf(rpcx.InvalidArgument, "no such place")
}

// What cannot work can be forgotten as well.
func TestForgetWhatCannotWork(t *testing.T) {
	t.Parallel()
	c := client.NewClient(client.Failfast, client.RandomSelect, refusing{}, client.Option{MaxServices: 1, Logger: quiet()})
	closing(t, c)
	for range 3 {
		wantError(t, c.Call(t.Context(), "S", "M", []byte("x"), new([]byte)), rpcx.InvalidArgument, true)
		c.Forget("S")
	}
}

// No call is lost, however often its service is forgotten.
func TestForgetHarmsNoCall(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
	c := client.NewClient(client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), p.option(client.Option{}))
	closing(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var callers, forgetter sync.WaitGroup
	stop := make(chan struct{})
	forgetter.Go(func() {
		ticker := time.NewTicker(100 * time.Microsecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				c.Forget("S")
			}
		}
	})
	for range 4 {
		callers.Go(func() {
			for range 200 {
				if err := c.Call(ctx, "S", "M", []byte("x"), new([]byte)); err != nil {
					t.Errorf("call: %v", err)
					return
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	forgetter.Wait()
}
