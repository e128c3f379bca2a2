// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/smallnest/rpcx/log"
)

// serve is a server process. It ends with SIGTERM, the way that the framework offers
// for deploys, and at once with the process that started it.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	name := flags.String("framework", "ours", "of the server")
	file := flags.String("board", "", "file of the board")
	index := flags.Int("server", 0, "number of the server")
	addr := flags.String("addr", "127.0.0.1:0", "to listen on")
	tokens := flags.Int("tokens", 0, "how many handlers work at a time; 0: all")
	if err := flags.Parse(args); err != nil {
		return err
	}
	f, err := frameworkOf(*name)
	if err != nil {
		return err
	}
	b, err := openBoard(*file)
	if err != nil {
		return err
	}
	log.SetDummyLogger()
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	s := &service{board: b, server: *index}
	if b.slots[*index].burn.Load() > 0 {
		s.measurePace()
	}
	if *tokens > 0 {
		s.tokens = make(chan struct{}, *tokens)
	}
	srv := f.serve(s, newRude(ln, b, *index))
	fmt.Println("ready")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	<-terminate
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return srv.shutdown(ctx)
}

// rude is a listener that hangs up on everybody while the board says so.
type rude struct {
	*net.TCPListener
	slot *slot

	mu    sync.Mutex // guards what follows
	conns map[net.Conn]struct{}
}

func newRude(ln net.Listener, b *board, server int) net.Listener {
	r := &rude{
		TCPListener: ln.(*net.TCPListener), //nolint:errcheck,forcetypeassert // it is one
		slot:        &b.slots[server],
		conns:       make(map[net.Conn]struct{}),
	}
	go r.watch()
	return r
}

// Accept implements net.Listener.
func (r *rude) Accept() (net.Conn, error) {
	for {
		conn, err := r.TCPListener.Accept()
		if err != nil {
			return nil, err
		}
		if r.slot.hangsUp.Load() == 1 {
			_ = conn.Close()
			continue
		}
		r.mu.Lock()
		r.conns[conn] = struct{}{}
		r.mu.Unlock()
		return conn, nil
	}
}

// watch hangs up on those who are connected.
func (r *rude) watch() {
	for range time.Tick(5 * time.Millisecond) {
		if r.slot.hangsUp.Load() == 0 {
			continue
		}
		r.mu.Lock()
		for conn := range r.conns {
			_ = conn.Close()
			delete(r.conns, conn)
		}
		r.mu.Unlock()
	}
}
