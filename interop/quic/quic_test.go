// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/quic"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// Text is an argument and a reply.
type Text struct{ Text string }

// Service is what both sides of the tests serve.
type Service struct{}

// Say answers with the argument.
func (Service) Say(_ context.Context, args, reply *Text) error {
	if args.Text == "" {
		return errors.New("nothing was said")
	}
	reply.Text = args.Text
	return nil
}

// Tell pushes the argument back.
func (Service) Tell(ctx context.Context, args, _ *Text) error {
	return server.ConnFrom(ctx).Push(ctx, "News", "Told", rpcx.Metadata{}, []byte(args.Text))
}

// buildPeer builds the program with real rpcx, apart from the workspace, whose version
// of quic-go it cannot have.
func buildPeer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "peer")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-tags", "quic", "-o", program, ".")
	build.Dir = filepath.Join("testdata", "peer")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("dial tcp")) && os.Getenv("CI") == "" {
			t.Skipf("real rpcx is not at hand, and the module proxy is out of reach: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func TestQUIC(t *testing.T) {
	t.Parallel()
	peer := buildPeer(t)
	ca := transporttest.NewCA(t)
	t.Run("our->rpcx", func(t *testing.T) {
		t.Parallel()
		addr := startPeer(t, peer, ca.Server())
		callAll(t, addr, ca.Client())
		callAll(t, addr, ca.Client())
	})
	t.Run("our->our", func(t *testing.T) {
		t.Parallel()
		callAll(t, startOurs(t, ca.Server()), ca.Client())
	})
	t.Run("rpcx->our", func(t *testing.T) {
		t.Parallel()
		addr := startOurs(t, ca.Server())
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, err := exec.CommandContext(ctx, peer, "call", addr).CombinedOutput()
			cancel()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
	})
}

// startPeer starts a real server and returns its address.
func startPeer(t *testing.T, program string, config *tls.Config) string {
	t.Helper()
	cert, key := writePair(t, config.Certificates[0])
	cmd := exec.CommandContext(t.Context(), program, "serve", cert, key)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // which it ends with
		_ = cmd.Wait() // a server of real rpcx may end with an error
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the address of the real server: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the program
	return strings.TrimSpace(line)
}

// writePair writes a certificate and its key as files.
func writePair(t *testing.T, pair tls.Certificate) (cert, key string) {
	t.Helper()
	private, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", pair.PrivateKey)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "EC PRIVATE KEY", der)
}

func startOurs(t *testing.T, config *tls.Config) string {
	t.Helper()
	s := server.NewServer(server.WithTransport(quic.New()), server.WithTLSConfig(config))
	if err := s.RegisterName("Service", Service{}, ""); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("quic", "127.0.0.1:0") }()
	<-s.Started()
	t.Cleanup(func() {
		_ = s.Close() // a test server has no registry to fail
		<-ended
	})
	return s.Address().String()
}

// callAll makes calls of all kinds with our client, over several connections.
func callAll(t *testing.T, addr string, config *tls.Config) {
	t.Helper()
	pushed := make(chan *protocol.Message, 1)
	x := client.NewXClient("Service", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery("quic@"+addr, ""),
		client.Option{
			Transports: []transport.Transport{quic.New()}, TLSConfig: config, ConnectTimeout: 10 * time.Second,
			ConnsPerServer: 3, Pushes: pushed,
		})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	say := func(text string) error {
		reply := new(Text)
		err := x.Call(ctx, "Say", &Text{text}, reply)
		if err == nil && reply.Text != text {
			t.Errorf("%d bytes came back, want %d", len(reply.Text), len(text))
		}
		return err
	}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if err := say(strings.Repeat("text ", 1+i*10_000)); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if err := say(strings.Repeat("large", 1<<20)); err != nil {
		t.Errorf("5 MiB: %v", err)
	}
	if err := say(""); err == nil || err.Error() != "nothing was said" {
		t.Errorf("the service's error is %v", err)
	}
	if err := x.Oneshot(ctx, "Tell", &Text{"news"}); err != nil {
		t.Errorf("one-way: %v", err)
	}
	if m := <-pushed; string(m.Payload) != "news" {
		t.Errorf("%q was pushed", m.Payload)
	}
	if err := x.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
