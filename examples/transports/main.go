// SPDX-License-Identifier: Apache-2.0

// The example serves over TCP, QUIC, KCP and uTP, and calls over each.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/examples/internal/devca"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/kcp"
	"github.com/rpcx-go/rpcx/transport/quic"
	"github.com/rpcx-go/rpcx/transport/utp"
)

func main() {
	ca, err := devca.New()
	if err != nil {
		log.Fatal(err)
	}
	cert, err := ca.Issue("localhost")
	if err != nil {
		log.Fatal(err)
	}
	key := kcp.DeriveKey("rpcx-key", "rpcx-salt") // the peers of the example know it
	cipher, err := kcp.AES(key)
	if err != nil {
		log.Fatal(err)
	}
	transports := []transport.Transport{
		quic.New(),
		kcp.New(kcp.Config{Cipher: cipher}),
		utp.New(),
	}

	for _, network := range []string{"tcp", "quic", "kcp", "utp"} {
		product, err := call(network, transports, ca.Pool, cert)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("over", network+":", product)
	}
}

// call starts a server on a network, and calls it.
func call(network string, transports []transport.Transport, pool *x509.CertPool, cert tls.Certificate) (int, error) {
	s := server.NewServer(
		server.WithTransport(transports...),
		server.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
	)
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		return 0, err
	}
	go s.Serve(network, "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery(network+"@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{
		Transports:     transports,
		TLSConfig:      &tls.Config{RootCAs: pool, ServerName: "localhost"},
		ConnsPerServer: 4, // over quic: four streams of one connection
		ConnectTimeout: 5 * time.Second,
	})
	defer x.Close()
	reply := new(arith.Reply)
	err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, reply)
	return reply.C, err
}
