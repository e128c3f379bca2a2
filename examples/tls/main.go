// SPDX-License-Identifier: Apache-2.0

// The example encrypts connections, and knows callers by their certificates.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/devca"
	"github.com/rpcx-go/rpcx/server"
)

// whoAmI answers with the name in the caller's certificate.
func whoAmI(ctx context.Context, _ *struct{}, name *string) error {
	peer, _ := rpcx.PeerFrom(ctx)
	*name = peer.TLS.PeerCertificates[0].Subject.CommonName
	return nil
}

func main() {
	ca, err := devca.New()
	if err != nil {
		log.Fatal(err)
	}
	s := server.NewServer(server.WithTLSConfig(&tls.Config{
		Certificates: []tls.Certificate{issue(ca, "localhost")},
		ClientAuth:   tls.RequireAndVerifyClientCert, // without it the server asks for none
		ClientCAs:    ca.Pool,
	}))
	if err := server.Handle(s, "Door", "WhoAmI", whoAmI); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	knock := func(who string, config *tls.Config) {
		_, port, _ := net.SplitHostPort(s.Address().String())
		d := client.NewPeer2PeerDiscovery("tcp@localhost:"+port, "") // the host is verified
		x := client.NewXClient("Door", client.Failfast, client.RandomSelect, d, client.Option{TLSConfig: config})
		defer x.Close()
		name, err := client.Invoke[string](context.Background(), x, "WhoAmI", struct{}{})
		if err != nil {
			fmt.Println(who+":", rpcx.CodeOf(err))
			return
		}
		fmt.Println(who+": the server knows me as", *name)
	}
	knock("ada", &tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{issue(ca, "ada")}})
	knock("somebody", &tls.Config{RootCAs: ca.Pool})
	knock("a stranger to the authority", &tls.Config{})
	knock("somebody without tls", nil)
}

func issue(ca *devca.CA, name string) tls.Certificate {
	cert, err := ca.Issue(name)
	if err != nil {
		log.Fatal(err)
	}
	return cert
}
