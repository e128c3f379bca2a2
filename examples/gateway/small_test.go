// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/examples/internal/programtest"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

// The gateway of the page calls a server, describes it and counts.
func TestSmallGateway(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		t.Fatal(err)
	}
	if err := reflection.Register(s); err != nil {
		t.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	addr := programtest.FreeAddr(t)
	built := programtest.Build(t, "small", "127.0.0.1:8972", s.Address().String(), "127.0.0.1:9981", addr)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	gw := exec.CommandContext(ctx, built)
	var said bytes.Buffer
	gw.Stderr = &said
	if err := gw.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = gw.Wait() // it was killed
	}()
	for {
		if answer, err := fetch(ctx, http.MethodGet, "http://"+addr+"/readyz", ""); err == nil && answer == "200 ok\n" {
			break
		}
		if ctx.Err() != nil {
			stop()
			_ = gw.Wait() // it was killed
			t.Fatalf("the gateway does not begin: %s", said.String())
		}
	}
	for _, tt := range []struct{ method, path, body, want string }{
		{http.MethodPost, "/Arith/Mul", `{"A":6,"B":7}`, `200 {"C":42}`},
		{http.MethodPost, "/Reflection/Describe", `"Arith"`, "404 "},
		{http.MethodGet, "/docs/openapi.json", "", `"/Arith/Mul"`},
		{http.MethodGet, "/metrics", "", `rpcx_server_calls_total{code="ok",method="Mul",service="Arith"} 1`},
	} {
		answer, err := fetch(ctx, tt.method, "http://"+addr+tt.path, tt.body)
		if err != nil || !strings.Contains(answer, tt.want) {
			t.Errorf("%s %s: %q, %v; want %s", tt.method, tt.path, answer, err, tt.want)
		}
	}
}

// fetch makes a request, and returns the status and the body.
func fetch(ctx context.Context, method, url, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, text), err
}
