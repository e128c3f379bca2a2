// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// vector is a request that real rpcx was sent.
type vector struct {
	ID          string `json:"id"`
	RequestText string `json:"request_text"`
	RequestHex  string `json:"request_hex"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../../protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		HTTP []vector `json:"http"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.HTTP) < 70 {
		t.Fatalf("%d vectors, want at least 70", len(all.HTTP))
	}
	return all.HTTP
}

func (v vector) bytes(t *testing.T) []byte {
	t.Helper()
	if v.RequestHex == "" {
		return []byte(v.RequestText)
	}
	b, err := hex.DecodeString(v.RequestHex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The gateway answers every request that real rpcx was sent as the port of the server
// behind it does, whose answers are compared with real ones in package server.
func TestVectors(t *testing.T) {
	t.Parallel()
	auth := server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "Bearer good" {
			return errors.New("invalid token")
		}
		return nil
	})
	for _, v := range vectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			var c proxy.Config
			var opts []server.Option
			if strings.Contains(v.ID, "-auth-") {
				opts = append(opts, auth)
			}
			if strings.Contains(v.ID, "-cors-") {
				opts, c.Origins = append(opts, server.WithHTTPOrigins("*")), []string{"*"}
			}
			w := newWorld(t, c, opts...)
			callees(t, w.server)
			for _, name := range []string{"Fn", "com.example.Arith", "Echo", "Raw"} {
				w.announced(name, w.server)
			}
			fromProxy := exchange(t, strings.TrimPrefix(w.url, "http://"), v.bytes(t))
			fromPort := exchange(t, w.server.Address().String(), v.bytes(t))
			if len(fromProxy) != len(fromPort) {
				t.Fatalf("%d answers, want %d", len(fromProxy), len(fromPort))
			}
			for i, got := range fromProxy {
				want := fromPort[i]
				got.header.Del("Date")
				want.header.Del("Date")
				if got.status != want.status || got.body != want.body || fmt.Sprint(got.header) != fmt.Sprint(want.header) {
					t.Errorf("answer %d\ngot  %d %v %q\nwant %d %v %q", i,
						got.status, got.header, got.body, want.status, want.header, want.body)
				}
			}
		})
	}
}

// callees registers what the vectors call beside Arith.Mul, where it is announced already.
func callees(t *testing.T, s *server.Server) {
	t.Helper()
	mul := func(_ context.Context, a *Args, r *Reply) error { r.C = a.A * a.B; return nil }
	for _, err := range []error{
		server.Handle(s, "Fn", "Mul", mul),
		server.Handle(s, "com.example.Arith", "Mul", mul),
		server.Handle(s, "Arith", "Fail", func(context.Context, *Args, *Reply) error { return errors.New("arith failed: 除零") }),
		server.Handle(s, "Arith", "FailWithReply", func(context.Context, *Args, *Reply) error { return errors.New("partial result") }),
		server.Handle(s, "Arith", "Meta", func(ctx context.Context, _ *Args, r *Reply) error {
			r.C = 1
			return rpcx.SetReplyMetadata(ctx, "server-says", "hi")
		}),
		server.Handle(s, "Echo", "Bytes", func(_ context.Context, in, out *[]byte) error { *out = *in; return nil }),
		server.Handle(s, "Echo", "Big", func(_ context.Context, a *Args, r *struct{ S string }) error {
			r.S = strings.Repeat("a", a.A)
			return nil
		}),
		s.HandleRaw("Raw", "Mul", func(_ context.Context, in, out *protocol.Message) error { out.Payload = in.Payload; return nil }),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// exchange sends requests as they are and returns the answers.
func exchange(t *testing.T, addr string, requests []byte) (answers []answer) {
	t.Helper()
	nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write(requests); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(nc); ; {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return answers
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer{res.StatusCode, res.Header, string(body)})
	}
}
