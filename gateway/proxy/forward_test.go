// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	jsoncodec "github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/server"
)

// Every form of call reaches the service.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	packed := func(c codec.Codec) string {
		b, err := c.Append(nil, &Args{6, 7})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	invoke := func(serialize string) []string {
		return []string{"X-RPCX-SerializeType", serialize, "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Mul"}
	}
	jsonBody := []string{"Content-Type", "application/json"}
	tests := map[string]struct {
		method, path, body string
		headers            []string
		want               string
	}{
		"plain":         {"POST", "/Arith/Mul", `{"A":6,"B":7}`, jsonBody, `{"C":42}`},
		"invoke JSON":   {"POST", "/", packed(jsoncodec.Codec{}), invoke("1"), `{"C":42}`},
		"invoke by PUT": {"PUT", "/", packed(jsoncodec.Codec{}), invoke("1"), `{"C":42}`},
		"invoke by GET": {"GET", "/", packed(jsoncodec.Codec{}), invoke("1"), `{"C":42}`},
		"invoke msgpack": {
			"POST", "/", packed(msgpack.Codec{}), invoke("3"),
			"\x81\xa1C*",
		},
		"one-way":         {"POST", "/", `{"A":6,"B":7}`, append(invoke("1"), "X-RPCX-Oneway", "true"), ""},
		"JSON-RPC":        {"POST", "/", `{"jsonrpc":"2.0","method":"Arith.Mul","params":{"A":6,"B":7},"id":1}`, jsonBody, `"result":{"C":42}`},
		"JSON-RPC header": {"POST", "/x/y", `{"method":"Arith.Mul","params":{"A":6,"B":7},"id":1}`, []string{"X-JSONRPC-2.0", "true"}, `"result":{"C":42}`},
		"JSON-RPC batch": {
			"POST", "/", `[{"jsonrpc":"2.0","method":"Arith.Mul","params":{"A":6,"B":7},"id":1},{"jsonrpc":"2.0","method":"No.Mul","params":{},"id":2}]`, jsonBody,
			`can't find service No`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.ask(tt.method, tt.path, tt.body, tt.headers...).want(t, http.StatusOK, tt.want)
		})
	}
}

// An error that a service returns is written as the service's own port writes it.
func TestErrorsAreThoseOfThePort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{}, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token == "bad" {
			return errors.New("who are you?")
		}
		return nil
	}))
	direct := *w
	direct.url = "http://" + w.server.Address().String()
	tests := map[string][]string{ // path, body, headers
		"code and details":    {"/Arith/Div", `{"A":1}`},
		"malformed":           {"/Arith/Div", `{`},
		"unknown method":      {"/Arith/Pow", `{}`},
		"unknown service":     {"/Nobody/Pow", `{}`},
		"pause":               {"/S/Busy", ``},
		"token":               {"/Arith/Mul", `{}`, "Authorization", "bad"},
		"metadata":            {"/Arith/Mul", `{}`, "X-RPCX-Meta", "%zz"},
		"time":                {"/Arith/Mul", `{}`, "X-RPCX-Timeout", "soon"},
		"not gzip":            {"/Arith/Mul", `{}`, "Content-Encoding", "gzip"},
		"invoke":              {"/", `{"A":1}`, "X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Div"},
		"invoke, no such one": {"/", `{"A":1}`, "X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Nobody", "X-RPCX-ServiceMethod", "Div"},
		"invoke, no codec":    {"/", `{"A":1}`, "X-RPCX-SerializeType", "9", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Div"},
		"invoke, token":       {"/", `{"A":1}`, "X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Div", "Authorization", "bad"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, want := w.post(tt[0], tt[1], tt[2:]...), direct.post(tt[0], tt[1], tt[2:]...)
			if want.status < 400 {
				t.Fatalf("the port answers %d %s", want.status, want.body)
			}
			for _, a := range []answer{got, want} {
				a.header.Del("Date")
			}
			if name == "not gzip" { // it is found out before the service is asked
				got.body = strings.Replace(got.body, "decompress:", "decompress arguments:", 1)
				got.header.Del("Content-Length")
				want.header.Del("Content-Length")
			}
			if got.status != want.status || got.body != want.body || fmt.Sprint(got.header) != fmt.Sprint(want.header) {
				t.Errorf("the gateway answers %d %s %v\nthe port %d %s %v",
					got.status, got.body, got.header, want.status, want.body, want.header)
			}
		})
	}
}

// What passes of metadata, and what does not.
func TestMetadata(t *testing.T) {
	t.Parallel()
	tokens := make(chan string, 10)
	w := newWorld(t, proxy.Config{
		Identify: func(*http.Request) (rpcx.Metadata, error) { return rpcx.Pairs("user", "ann"), nil },
		Reserved: []string{"user"},
	}, server.WithAuth(func(_ context.Context, _, _, token string) error { tokens <- token; return nil }))
	a := w.post("/S/Note", "",
		"X-RPCX-Meta", "k=v&__rpcx_priority=high&__rpcx_offer=cancel&__mine=x&User=eve&user=eve&x-forwarded-for=1.2.3.4&X-Forwarded-For=1.2.3.4",
		"Authorization", "Bearer ann", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	a.want(t, 200, "{}")
	if got := a.header.Get("X-RPCX-Meta"); got != "noted=a%26b" {
		t.Errorf("metadata of the reply: %q", got)
	}
	got := receive(t, w.calls, "the call").Meta
	want := map[string]string{
		"k": "v", "user": "ann", "x-forwarded-for": "127.0.0.1",
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("metadata of the call: %v, want %v", got, want)
	}
	if got := receive(t, tokens, "the token"); got != "Bearer ann" {
		t.Errorf("token %q", got)
	}
}

// The time that a call has is the client's, but no more than the gateway gives it.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{Timeout: 10 * time.Second})
	tests := map[string]struct {
		headers []string
		most    time.Duration
	}{
		"none":           {nil, 10 * time.Second},
		"less":           {[]string{"X-RPCX-Timeout", "5000"}, 5 * time.Second},
		"more":           {[]string{"X-RPCX-Timeout", "60000"}, 10 * time.Second},
		"in metadata":    {[]string{"X-RPCX-Meta", "__ServerTimeout=5000"}, 5 * time.Second},
		"beyond measure": {[]string{"X-RPCX-Timeout", "9223372036854775807"}, 10 * time.Second},
	}
	for name, tt := range tests {
		w.post("/S/Note", "", tt.headers...).want(t, 200, "{}")
		if left := receive(t, w.calls, "the call").Left; left > tt.most || left < tt.most-4*time.Second {
			t.Errorf("%s: %v left, want at most %v", name, left, tt.most)
		}
	}
	w.post("/S/Wait", "", "X-RPCX-Timeout", "500").want(t, 504, `"code":"deadline_exceeded"`)
	if got := receive(t, w.calls, "the end of the handler"); got.Ended == nil {
		t.Error("the handler's context has not ended")
	}
	w.post("/S/Wait", "", "X-RPCX-Timeout", "0").want(t, 504, `"code":"deadline_exceeded"`)
}

// A client that leaves ends the handler's context.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := w.do(ctx, http.MethodPost, "/S/Wait", "", "Content-Type", "application/json")
		done <- err
	}()
	receive(t, w.waiting, "the call")
	cancel()
	if err := receive(t, done, "the request"); !errors.Is(err, context.Canceled) {
		t.Errorf("the request: %v", err)
	}
	if got := receive(t, w.calls, "the end of the handler"); !errors.Is(got.Ended, context.Canceled) {
		t.Errorf("the handler ended with %v", got.Ended)
	}
}

// Bodies are decompressed here, and sent as Config.Client says.
func TestCompression(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxBody: 10_000})
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	w.post("/Arith/Mul", zip(`{"A":6,"B":7}`), "Content-Encoding", "gzip").want(t, 200, `{"C":42}`)
	bomb := zip(`{"A":6,"B":7` + strings.Repeat(" ", 20_000) + "}")
	w.post("/Arith/Mul", bomb, "Content-Encoding", "gzip").want(t, 413, "limit of 10000 bytes")
	rpc := `{"jsonrpc":"2.0","method":"Arith.Mul","params":{"A":6,"B":7},"id":1`
	w.post("/", zip(rpc+"}"), "Content-Encoding", "gzip").want(t, 200, `"result":{"C":42}`)
	w.post("/", zip(rpc+strings.Repeat(" ", 20_000)+"}"), "Content-Encoding", "gzip").want(t, 413, "limit of 10000 bytes")
	w.ask("POST", "/", zip("x"), "X-RPCX-SerializeType", "0", "X-RPCX-ServicePath", "S", "X-RPCX-ServiceMethod", "Echo", "X-RPCX-CompressType", "5").
		want(t, 400, "")
	// All of that has harmed no connection.
	if n := len(w.server.Conns()); n != 1 {
		t.Errorf("%d connections to the server, want 1", n)
	}
}

// A call goes to another server if the mode and its idempotence let it.
func TestFailModes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode   client.FailMode
		option client.Option
		status int
	}{
		"Failover":                    {client.Failover, client.Option{}, 200},
		"Failover, not idempotent":    {client.Failover, client.Option{NonIdempotent: []string{"S.*"}}, 503},
		"Failfast":                    {client.Failfast, client.Option{}, 503},
		"Failover, retries forbidden": {client.Failover, client.Option{Retries: client.NoRetry}, 503},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, tt.mode, nil, proxy.Config{Client: tt.option})
			w.start() // another server
			done := make(chan answer, 1)
			go func() { done <- w.post("/S/Wait", "") }()
			_ = receive(t, w.waiting, "the call").Close()
			if tt.status == 200 {
				receive(t, w.waiting, "the second attempt")
				w.goOn <- struct{}{}
			}
			a := receive(t, done, "the answer")
			a.want(t, tt.status, "")
			if tt.status != 200 && !strings.Contains(a.body, "outcome unknown") {
				t.Errorf("%s", a.body)
			}
			if strings.Contains(a.body, "127.0.0.1") {
				t.Errorf("a stranger learns of an address: %s", a.body)
			}
		})
	}
}

// Numbers in JSON pass as they are: nothing decodes them on the way.
func TestPayloadsAreNotTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	body := `{"n":12345678901234567890.10, "a" : [1 , 2]}`
	a := w.ask("POST", "/S", body, "X-RPCX-SerializeType", "0", "X-RPCX-ServiceMethod", "Echo")
	if a.body != body || !json.Valid([]byte(a.body)) {
		t.Errorf("%q came back", a.body)
	}
}
