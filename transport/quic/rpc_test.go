// SPDX-License-Identifier: Apache-2.0

package quic_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// Echo is a service that answers with what it gets, and pushes it as well.
type Echo struct{ told chan []byte }

// Say answers with the argument.
func (*Echo) Say(_ context.Context, args, reply *[]byte) error {
	if len(*args) == 0 {
		return errors.New("nothing was said")
	}
	*reply = bytes.Clone(*args)
	return nil
}

// Tell keeps the argument and pushes it back.
func (e *Echo) Tell(ctx context.Context, args, _ *[]byte) error {
	e.told <- bytes.Clone(*args)
	return server.ConnFrom(ctx).Push(ctx, "Echo", "Told", rpcx.Metadata{}, *args)
}

// Who answers with the name in the client's certificate.
func (*Echo) Who(ctx context.Context, _, reply *[]byte) error {
	peer, _ := rpcx.PeerFrom(ctx)
	*reply = []byte(peer.TLS.PeerCertificates[0].Subject.CommonName)
	return nil
}

// TestCalls runs our client and server over the transport, with several streams.
func TestCalls(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	tr := newTransport(t)
	echo := &Echo{told: make(chan []byte, 1)}
	s := server.NewServer(server.WithTransport(tr), server.WithTLSConfig(ca.MutualServer()))
	if err := s.RegisterName("Echo", echo, ""); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("quic", "127.0.0.1:0") }()
	<-s.Started()

	pushed := make(chan *protocol.Message, 1)
	x := client.NewXClient("Echo", client.Failtry, client.RandomSelect,
		client.NewPeer2PeerDiscovery("quic@"+s.Address().String(), ""),
		client.Option{
			Transports: []transport.Transport{tr}, TLSConfig: ca.MutualClient(), ConnectTimeout: 10 * time.Second,
			ConnsPerServer: 4, Pushes: pushed,
		})
	say := func(text []byte) error {
		var reply []byte
		if err := x.Call(t.Context(), "Say", &text, &reply); err != nil {
			return err
		}
		if !bytes.Equal(reply, text) {
			return errors.New("another reply")
		}
		return nil
	}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if err := say(bytes.Repeat([]byte{byte(i + 1)}, 1+i*1000)); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if err := say(bytes.Repeat([]byte("large"), 1<<20)); err != nil {
		t.Errorf("5 MiB: %v", err)
	}
	if err := say(nil); err == nil || err.Error() != "nothing was said" {
		t.Errorf("the service's error is %v", err)
	}
	var none, name []byte
	if err := x.Call(t.Context(), "Who", &none, &name); err != nil || string(name) != "test client" {
		t.Errorf("Who = %q, %v, want the name in the certificate", name, err)
	}
	news := []byte("news")
	if err := x.Oneshot(t.Context(), "Tell", &news); err != nil {
		t.Errorf("one-way: %v", err)
	}
	if told := <-echo.told; !bytes.Equal(told, news) {
		t.Errorf("the server was told %q", told)
	}
	if m := <-pushed; m.Method != "Told" || !bytes.Equal(m.Payload, news) {
		t.Errorf("pushed %s %q", m.Method, m.Payload)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	<-served
}
