// SPDX-License-Identifier: Apache-2.0

//go:build quic

// Command peer is real rpcx over QUIC, as a server or a client. It is a program of its
// own because the version of quic-go that real rpcx compiles with is not ours.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
)

// Text is an argument and a reply.
type Text struct{ Text string }

// Service is what both sides of the test serve.
type Service struct {
	server *server.Server
}

// Say answers with the argument.
func (*Service) Say(_ context.Context, args, reply *Text) error {
	if args.Text == "" {
		return errors.New("nothing was said")
	}
	reply.Text = args.Text
	return nil
}

// Tell pushes the argument back.
func (s *Service) Tell(ctx context.Context, args, _ *Text) error {
	conn, _ := ctx.Value(server.RemoteConnContextKey).(net.Conn)
	return s.server.SendMessage(conn, "News", "Told", nil, []byte(args.Text))
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serve(args[1], args[2])
	case len(args) == 2 && args[0] == "call":
		return call(args[1])
	default:
		return errors.New("usage: peer serve CERTIFICATE KEY | peer call ADDRESS")
	}
}

// serve serves until its input ends. It prints its address.
func serve(cert, key string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	s := server.NewServer(server.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}}))
	if err := s.RegisterName("Service", &Service{s}, ""); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("quic", "127.0.0.1:0") }()
	select {
	case <-s.Started:
	case err := <-ended:
		return err
	}
	fmt.Println(s.Address())
	_, _ = os.Stdin.Read(make([]byte, 1))
	return nil
}

// call makes calls of all kinds, and fails if one does.
func call(addr string) error {
	d, err := client.NewPeer2PeerDiscovery("quic@"+addr, "")
	if err != nil {
		return err
	}
	pushed := make(chan *protocol.Message, 4)
	opt := client.DefaultOption
	opt.ConnectTimeout = 10 * time.Second
	opt.TLSConfig = &tls.Config{InsecureSkipVerify: true}
	x := client.NewBidirectionalXClient("Service", client.Failfast, client.RandomSelect, d, opt, pushed)
	defer x.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	failures := make([]error, 16)
	var all sync.WaitGroup
	for i := range failures {
		all.Add(1)
		go func() {
			defer all.Done()
			failures[i] = say(ctx, x, strings.Repeat("text ", 1+i*10_000))
		}()
	}
	all.Wait()
	failures = append(failures, say(ctx, x, strings.Repeat("large", 1<<20)))
	if err := say(ctx, x, ""); err == nil || err.Error() != "nothing was said" {
		failures = append(failures, fmt.Errorf("the service's error is %v", err))
	}
	failures = append(failures, x.Oneshot(ctx, "Tell", &Text{"news"}))
	select {
	case m := <-pushed:
		if string(m.Payload) != "news" {
			failures = append(failures, fmt.Errorf("%q was pushed", m.Payload))
		}
	case <-ctx.Done():
		failures = append(failures, errors.New("nothing was pushed"))
	}
	return errors.Join(failures...)
}

func say(ctx context.Context, x client.XClient, text string) error {
	reply := new(Text)
	if err := x.Call(ctx, "Say", &Text{text}, reply); err != nil {
		return err
	}
	if reply.Text != text {
		return fmt.Errorf("%d bytes came back, want %d", len(reply.Text), len(text))
	}
	return nil
}
