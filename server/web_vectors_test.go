// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// vector is an exchange that real rpcx had.
type vector struct {
	ID           string `json:"id"`
	RequestText  string `json:"request_text"`
	RequestHex   string `json:"request_hex"`
	ResponseText string `json:"response_text"`
	ResponseHex  string `json:"response_hex"`
}

func bytesOf(t *testing.T, asHex, text string) []byte {
	t.Helper()
	if asHex == "" {
		return []byte(text)
	}
	b, err := hex.DecodeString(asHex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func httpVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		HTTP []vector `json:"http"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]int)
	for _, v := range all.HTTP {
		kind, _, _ := strings.Cut(v.ID, "-")
		kinds[kind]++
	}
	if want := map[string]int{"gw": 44, "jr": 26}; !maps.Equal(kinds, want) {
		t.Fatalf("exchanges by kind: %v, want %v: new ones need a server that serves what they call", kinds, want)
	}
	return all.HTTP
}

// vectorServer serves what the vectors call.
func vectorServer(t *testing.T, opts ...server.Option) *world {
	t.Helper()
	w := onTCP(t, opts...)
	mul := func(_ context.Context, a *Args, r *Reply) error { r.C = a.A * a.B; return nil }
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, service := range []string{"Arith", "com.example.Arith", "Fn"} {
		must(server.Handle(w.Server, service, "Mul", mul))
	}
	must(server.Handle(w.Server, "Arith", "Fail", Arith{}.Fail))
	must(server.Handle(w.Server, "Arith", "FailWithReply", func(context.Context, *Args, *Reply) error { return errors.New("partial result") }))
	must(server.Handle(w.Server, "Arith", "Meta", func(ctx context.Context, _ *Args, r *Reply) error {
		r.C = 1
		return rpcx.SetReplyMetadata(ctx, "server-says", "hi")
	}))
	must(server.Handle(w.Server, "Echo", "Bytes", func(_ context.Context, in, out *[]byte) error { *out = *in; return nil }))
	must(server.Handle(w.Server, "Echo", "Big", func(_ context.Context, a *Args, r *struct{ S string }) error {
		const letters = "abcdefghijklmnopqrstuvwxyz"
		r.S = strings.Repeat(letters, a.A/len(letters)+1)[:a.A]
		return nil
	}))
	return w
}

// What real rpcx answers, we answer, but for what is listed here. A client of rpcx reads
// the same from it: an error is an error, whatever its status.
func TestHTTPVectors(t *testing.T) {
	type change struct {
		status int    // instead of rpcx's
		why    string // nothing but the status differs in the headers of rpcx
		body   string // "": rpcx's
		loose  bool   // the headers of rpcx are not compared
	}
	const better = "the status says what happened (R25)"
	changes := map[string]change{
		"gw-patch":              {status: 405, why: "is not left without an answer (Q18)", loose: true, body: "Method Not Allowed\n"},
		"gw-no-method":          {status: 400, why: better},
		"gw-no-serialize":       {status: 400, why: better},
		"gw-no-path":            {status: 400, why: better},
		"gw-bad-serialize":      {status: 400, why: better, loose: true},
		"gw-bad-id":             {status: 400, why: better},
		"gw-bad-meta":           {status: 400, why: better},
		"gw-serialize-9":        {status: 404, why: better},
		"gw-serialize-17":       {status: 400, why: "is no codec 1", loose: true},
		"gw-unknown-service":    {status: 404, why: better},
		"gw-unknown-method":     {status: 404, why: better},
		"gw-bad-body":           {status: 400, why: better, loose: true},
		"gw-empty-body":         {status: 400, why: better, loose: true},
		"gw-compress-gzip-body": {status: 200, why: "is decompressed (Q23)", loose: true, body: `{"C":200}`},
		"gw-handler":            {status: 404, why: better, loose: true},
		"gw-raw-to-struct":      {status: 400, why: "is no panic", loose: true},
		"gw-keepalive-mixed":    {status: 200, why: "is routed by request, see TestHTTPVectorMixed"},
		"gw-rate-limit":         {status: 429, why: better, loose: true},
		"gw-auth-fail":          {status: 401, loose: true},
		"gw-cors-preflight":     {status: 204, loose: true},
		"gw-cors-call":          {status: 200, why: "names the origin", loose: true},
		"jr-id-null":            {status: 200, why: "null is an id", body: `{"jsonrpc":"2.0","result":{"C":200},"id":null}`},
		"jr-id-empty-string":    {status: 200, why: `"" is not 0`, body: `{"jsonrpc":"2.0","result":{"C":200},"id":""}`},
		"jr-id-float":           {status: 200, why: "is JSON", body: "-32600"},
		"jr-no-dot":             {status: 200, why: "data", body: "-32601"},
		"jr-leading-dot":        {status: 200, why: "data", body: "-32601"},
		"jr-unknown-service":    {status: 200, why: "has a code (R24)", body: "-32601"},
		"jr-unknown-method":     {status: 200, why: "has a code (R24)", body: "-32601"},
		"jr-bad-params":         {status: 200, why: "has a code", body: "-32602"},
		"jr-parse-error":        {status: 200, why: "id is null", body: "-32700"},
		"jr-wrong-version":      {status: 200, why: "is JSON", body: "-32600"},
		"jr-batch":              {status: 200, why: "works (R24)", body: `[{"jsonrpc":"2.0","result":{"C":200},"id":11}]`},
		"jr-no-params":          {status: 200, why: "answers (Q27)", body: `{"jsonrpc":"2.0","result":{"C":0},"id":12}`},
		"jr-res-meta":           {status: 200, why: "works", body: `{"jsonrpc":"2.0","result":{"C":1},"id":14}`},
		"jr-header-1":           {status: 415, why: "is no call", loose: true, body: "want application/json"},
		"jr-auth-fail":          {status: 200, why: "has a code", body: "-32016"},
		"jr-rate-limit":         {status: 200, why: "has a code", body: "-32008"},
	}
	auth := server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "Bearer good" {
			return errors.New("invalid token")
		}
		return nil
	})
	options := map[string][]server.Option{
		"gw-auth-ok": {auth}, "gw-auth-meta": {auth}, "gw-auth-fail": {auth}, "jr-auth-ok": {auth}, "jr-auth-fail": {auth},
		"gw-rate-limit": {server.WithRateLimit(spent())}, "jr-rate-limit": {server.WithRateLimit(spent())},
		"gw-cors-preflight": {server.WithHTTPOrigins("*")}, "gw-cors-call": {server.WithHTTPOrigins("*")},
	}
	all := httpVectors(t)
	for _, id := range slices.AppendSeq(slices.Collect(maps.Keys(changes)), maps.Keys(options)) {
		if !slices.ContainsFunc(all, func(v vector) bool { return v.ID == id }) {
			t.Errorf("there is no exchange %s", id)
		}
	}
	for _, v := range all {
		t.Run(v.ID, func(t *testing.T) {
			w := vectorServer(t, options[v.ID]...)
			nc := w.dialNet(t)
			if options[v.ID] != nil && strings.HasSuffix(v.ID, "rate-limit") {
				w.dial(t).call(request("Arith", "Mul", `{"A":6,"B":7}`)) // spends what there is
			}
			if _, err := nc.Write(bytesOf(t, v.RequestHex, v.RequestText)); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetReadDeadline(time.Now().Add(patience))
			got, body := readResponse(t, bufio.NewReader(nc))
			want, wantBody := webReply{}, []byte(nil)
			if text := bytesOf(t, v.ResponseHex, v.ResponseText); len(text) > 0 {
				if !strings.Contains(string(text), "Transfer-Encoding: chunked") {
					want, wantBody = readResponse(t, bufio.NewReader(bytes.NewReader(text)))
				}
			}
			c, changed := changes[v.ID]
			if changed {
				want.StatusCode = c.status
			}
			if got.StatusCode != want.StatusCode {
				t.Errorf("status %d, want %d; %s", got.StatusCode, want.StatusCode, body)
			}
			switch {
			case c.body == "" && !c.loose && !bytes.Equal(body, wantBody),
				c.body != "" && !strings.Contains(string(body), c.body):
				t.Errorf("body %q, want %q or %q", body, wantBody, c.body)
			}
			if c.loose {
				return
			}
			for name, values := range want.Header {
				if strings.HasPrefix(name, "X-Rpcx-") && got.Header.Get(name) != values[0] {
					t.Errorf("%s is %q, want %q", name, got.Header.Get(name), values[0])
				}
			}
		})
	}
}

// spent is a rate at which a second call is one too many.
func spent() server.RateLimit { return server.RateLimit{Rate: 0.001, Burst: 1} }

func readResponse(t *testing.T, r *bufio.Reader) (webReply, []byte) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("response: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("body of %d: %v", res.StatusCode, err)
	}
	return newWebReply(res), body
}

// On one connection each request goes where it belongs, whatever the first one was.
func TestHTTPVectorMixed(t *testing.T) {
	w := vectorServer(t)
	for _, v := range httpVectors(t) {
		if v.ID != "gw-keepalive-mixed" {
			continue
		}
		nc := w.dialNet(t)
		if _, err := io.WriteString(nc, v.RequestText); err != nil {
			t.Fatal(err)
		}
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		r := bufio.NewReader(nc)
		for _, want := range []string{`{"C":200}`, `{"jsonrpc":"2.0","result":{"C":2},"id":1}`} {
			if _, body := readResponse(t, r); string(body) != want {
				t.Errorf("answered %q, want %q", body, want)
			}
		}
		return
	}
	t.Error("no vector gw-keepalive-mixed")
}

// A raw handler is reached as well.
func TestHTTPRawHandler(t *testing.T) {
	w := onTCP(t)
	err := w.HandleRaw("Raw", "Upper", func(_ context.Context, in, out *protocol.Message) error {
		out.Payload = bytes.ToUpper(in.Payload)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	res, body := w.post(t, "/Raw", "shout", "X-Rpcx-Serializetype", "0", "X-Rpcx-Servicemethod", "Upper")
	if res.StatusCode != http.StatusOK || body != "SHOUT" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}
