// SPDX-License-Identifier: Apache-2.0

package quic_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"net"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/quic"
)

func Example() {
	serverTLS, clientTLS := certificate()
	s := server.NewServer(server.WithTransport(quic.New()), server.WithTLSConfig(serverTLS))
	err := server.Handle(s, "Greeter", "Hello", func(_ context.Context, name, greeting *string) error {
		*greeting = "hello, " + *name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = s.Serve("quic", "127.0.0.1:0") }()
	<-s.Started()
	defer s.Close()

	xclient := client.NewXClient("Greeter", client.Failtry, client.RandomSelect,
		client.NewPeer2PeerDiscovery("quic@"+s.Address().String(), ""),
		client.Option{
			Transports:     []transport.Transport{quic.New()},
			TLSConfig:      clientTLS,
			ConnsPerServer: 4, // streams of one QUIC connection
			ConnectTimeout: 10 * time.Second,
		})
	defer xclient.Close()
	name, greeting := "quic", ""
	if err := xclient.Call(context.Background(), "Hello", &name, &greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
	// Output: hello, quic
}

// certificate makes one for this program, and settings of clients that trust it.
func certificate() (serverTLS, clientTLS *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	serverTLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS13}
	return serverTLS, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
}
