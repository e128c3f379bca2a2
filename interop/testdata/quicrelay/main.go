// SPDX-License-Identifier: Apache-2.0

//go:build quic

// Command quicrelay is the QUIC of real rpcx for a program that cannot contain it,
// because the version of quic-go that it compiles with is another one:
//
//	quicrelay SOCKET CERTIFICATE KEY
//
// A connection to the socket begins with a line. "dial HOST:PORT" is answered with "ok"
// and becomes a QUIC connection. "listen PATH" is answered with "ok HOST:PORT", and each
// QUIC connection that arrives there becomes a connection to the socket at PATH, until
// the one that asked ends. The program ends with its input.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/smallnest/quick"
	"github.com/smallnest/rpcx/client"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

// relay is the two settings of TLS.
type relay struct {
	server *tls.Config
	client *client.Client
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: quicrelay SOCKET CERTIFICATE KEY")
	}
	pair, err := tls.LoadX509KeyPair(args[1], args[2])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	opt := client.DefaultOption
	opt.TLSConfig = &tls.Config{RootCAs: roots, ServerName: pair.Leaf.DNSNames[0], NextProtos: []string{"rpcx"}}
	r := &relay{
		server: &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"rpcx"}},
		client: client.NewClient(opt),
	}
	ln, err := net.Listen("unix", args[0])
	if err != nil {
		return err
	}
	fmt.Println("listening")
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// serve does what a connection asks for.
func (r *relay) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil {
		return
	}
	verb, what, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch verb {
	case "dial":
		err = r.dial(conn, in, what)
	case "listen":
		err = r.listen(conn, in, what)
	default:
		err = fmt.Errorf("%q is not known", verb)
	}
	if err != nil {
		fmt.Fprintln(conn, err)
	}
}

// dial dials as a client of real rpcx does: by the same function.
func (r *relay) dial(conn net.Conn, in io.Reader, addr string) error {
	far, err := client.ConnFactories["quic"](r.client, "quic", addr)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, "ok"); err != nil {
		return err
	}
	join(conn.(*net.UnixConn), in, far)
	return nil
}

// listen listens as a server of real rpcx does.
func (r *relay) listen(conn net.Conn, in io.Reader, path string) error {
	ln, err := quick.Listen("udp", "127.0.0.1:0", r.server, nil)
	if err != nil {
		return err
	}
	go func() {
		for {
			far, err := ln.Accept()
			if err != nil {
				return
			}
			near, err := net.DialTimeout("unix", path, time.Minute)
			if err != nil {
				_ = far.Close()
				continue
			}
			go join(near.(*net.UnixConn), near, far)
		}
	}()
	if _, err := fmt.Fprintln(conn, "ok", ln.Addr()); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, in)
	return ln.Close()
}

// join passes on what comes, and the end of each way.
func join(near *net.UnixConn, in io.Reader, far net.Conn) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(far, in)
		_ = far.Close() // closes this way alone
	}()
	_, _ = io.Copy(near, far)
	_ = near.CloseWrite()
	<-ended
	_ = near.Close()
}
