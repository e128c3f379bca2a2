// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Settings read from files, with the certificate that Go's own program makes for tests,
// which is its own authority.
func TestFromFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	generate := exec.CommandContext(t.Context(), "go", "run",
		filepath.Join(strings.TrimSpace(string(goroot)), "src", "crypto", "tls", "generate_cert.go"), "-ca", "-host", "localhost")
	generate.Dir = dir
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	config, err := fromFiles(certFile, keyFile, certFile)
	if err != nil {
		t.Fatal(err)
	}

	s := server.NewServer(server.WithTLSConfig(config))
	err = server.Handle(s, "Door", "Knock", func(context.Context, *struct{}, *struct{}) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Address().String())
	x := client.NewXClient("Door", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery("tcp@localhost:"+port, ""), client.Option{TLSConfig: config})
	defer x.Close()
	if err := x.Call(t.Context(), "Knock", struct{}{}, &struct{}{}); err != nil {
		t.Error(err)
	}

	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range [][3]string{{certFile, certFile, certFile}, {certFile, keyFile, empty}, {certFile, keyFile, "none"}} {
		if _, err := fromFiles(files[0], files[1], files[2]); err == nil {
			t.Errorf("no error for %q", files)
		}
	}
}
