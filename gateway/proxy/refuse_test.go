// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
)

// Every way of refusing: no service is called, and who asked learns why.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	spent := proxy.Rate{PerSecond: 0.001, Burst: 1}
	open := proxy.Config{Origins: []string{app}, Hosts: []string{"gw.example.com"}}
	invoked := []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "S", "X-RPCX-ServiceMethod", "Note"}
	tests := map[string]struct {
		config  proxy.Config
		method  string // "": POST
		path    string // "": /S/Note
		body    string
		headers []string
		first   bool // make a good call before
		status  int  // 200: it is no refusal, but the exception to one
		part    string
	}{
		// Origins.
		"no origin":                      {status: 200},
		"foreign origin":                 {headers: []string{"Origin", app}, status: 403, part: "is not allowed"},
		"foreign origin, invoke":         {headers: append([]string{"Origin", app}, invoked...), status: 403},
		"origin null":                    {headers: []string{"Origin", "null"}, status: 403},
		"allowed origin":                 {config: open, headers: []string{"Origin", app}, status: 200},
		"any origin":                     {config: proxy.Config{Origins: []string{"*"}}, headers: []string{"Origin", app}, status: 200},
		"origin that looks like it":      {config: open, headers: []string{"Origin", app + ".evil.com"}, status: 403},
		"other scheme":                   {config: open, headers: []string{"Origin", "http://app.example.com"}, status: 403},
		"own page":                       {headers: []string{"Origin", "http://localhost:1", "Host", "localhost:1"}, status: 200},
		"own page of a known host":       {config: open, headers: []string{"Origin", "http://gw.example.com", "Host", "gw.example.com"}, status: 200},
		"other port of the own host":     {headers: []string{"Origin", "http://localhost:2", "Host", "localhost:1"}, status: 403},
		"own page of a host of evil's":   {headers: []string{"Origin", "http://evil.com", "Host", "evil.com"}, status: 403},
		"preflight of a foreign origin":  {method: "OPTIONS", headers: []string{"Origin", app, "Access-Control-Request-Method", "POST"}, status: 200},
		"simple request: text":           {headers: []string{"Content-Type", "text/plain"}, status: 415},
		"simple request: form":           {headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415},
		"simple request: GET":            {method: "GET", status: 405},
		"GET by headers without a body":  {method: "GET", path: "/", headers: invoked, status: 400},
		"simple request to the JSON-RPC": {path: "/", body: `{"jsonrpc":"2.0","method":"S.Note","params":{},"id":1}`, headers: []string{"Content-Type", "text/plain"}, status: 415},
		"method that is none of a call":  {method: "DELETE", status: 405},

		// Hosts.
		"any host, calls only":   {headers: []string{"Host", "evil.com"}, status: 200},
		"foreign host":           {config: open, headers: []string{"Host", "evil.com"}, status: 421, part: "nothing is served"},
		"known host":             {config: open, headers: []string{"Host", "GW.example.com"}, status: 200},
		"known host with a port": {config: open, headers: []string{"Host", "gw.example.com:8080"}, status: 200},
		"subdomain":              {config: open, headers: []string{"Host", "x.gw.example.com"}, status: 421},
		"IP address":             {config: open, headers: []string{"Host", "[::1]:80"}, status: 200},
		"page under any host":    {method: "GET", path: "/page", headers: []string{"Host", "evil.com"}, status: 421, part: "not among those"},
		"page":                   {method: "GET", path: "/page", status: 200},
		"no page":                {method: "GET", path: "/none", status: 404},

		// Bounds.
		"body too large":          {config: proxy.Config{MaxBody: 10}, body: `{"a":"0123456789"}`, status: 413, part: "limit of 10 bytes"},
		"rate exceeded":           {config: proxy.Config{Rate: spent}, first: true, status: 429, part: "too fast"},
		"rate of a peer exceeded": {config: proxy.Config{PeerRate: spent}, first: true, status: 429, part: "too fast"},
		"rate, JSON-RPC batch":    {config: proxy.Config{Rate: spent}, path: "/", body: batch(2), status: 200, part: "too fast"},
		"metadata too large":      {headers: []string{"X-RPCX-Meta", "k=" + strings.Repeat("v", 40<<10)}, status: 431},
		"name too long":           {path: "/" + strings.Repeat("s", 2000) + "/M", status: 400, part: "name of more"},

		// Names.
		"unknown service":          {path: "/Nobody/M", status: 404, part: "can't find service Nobody"},
		"unknown method":           {path: "/S/M", status: 404, part: "can't find method M"},
		"service of the protocol":  {path: "/_rpcx/cancel", status: 404, part: "can't find service"},
		"service not allowed":      {config: proxy.Config{Allow: []string{"Arith.*"}}, status: 404, part: "can't find service S"},
		"method not allowed":       {config: proxy.Config{Allow: []string{"S.Echo"}}, status: 404, part: "can't find method Note"},
		"service allowed":          {config: proxy.Config{Allow: []string{"S.*"}}, status: 200},
		"method allowed":           {config: proxy.Config{Allow: []string{"S.Note"}}, status: 200},
		"path of one part":         {path: "/S", status: 404},
		"name that leads up":       {path: "/%2e%2e/S/Note", status: 404, part: "can't find service ../S"},
		"name with a line's end":   {path: "/S%0a/Note", status: 404, part: "can't find service"},
		"too many pairs":           {headers: []string{"X-RPCX-Meta", manyPairs(1100)}, status: 400, part: "1023 pairs"},
		"many pairs":               {headers: []string{"X-RPCX-Meta", manyPairs(1000)}, status: 200},
		"path that begins nowhere": {path: "//Note", status: 404},

		// Identity.
		"not identified":            {config: identify(errors.New("who?")), status: 401, part: "who?"},
		"identified, may not":       {config: identify(rpcx.Errorf(rpcx.PermissionDenied, "not you")), status: 403, part: "not you"},
		"not identified, invoke":    {config: identify(errors.New("who?")), path: "/", headers: invoked, status: 401},
		"compressed in a wrong way": {headers: []string{"Content-Encoding", "gzip"}, body: "{}", status: 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.config)
			err := w.proxy.HandleHTTP("GET /page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }))
			if err != nil {
				t.Fatal(err)
			}
			if tt.first {
				w.post("/S/Note", "").want(t, 200, "")
				receive(t, w.calls, "the first call")
			}
			method, path := tt.method, tt.path
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = "/S/Note"
			}
			headers := tt.headers
			if !strings.Contains(fmt.Sprint(headers), "Content-Type") && method == http.MethodPost {
				headers = append([]string{"Content-Type", "application/json"}, headers...)
			}
			a := w.ask(method, path, tt.body, headers...)
			a.want(t, tt.status, tt.part)
			called := len(w.calls) > 0
			if called != (tt.status == 200 && method == http.MethodPost && (tt.part == "" || tt.part == "too fast")) {
				t.Errorf("a service was called: %v", called)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "" && len(tt.config.Origins) == 0 && !strings.HasPrefix(name, "own page") {
				t.Errorf("allows an origin: %v", a.header)
			}
			if a.status == 401 && a.header.Get("WWW-Authenticate") == "" || (a.status == 429 || a.status == 503) && a.header.Get("Retry-After") == "" {
				t.Errorf("no hint: %v", a.header)
			}
		})
	}
}

func identify(err error) proxy.Config {
	return proxy.Config{Identify: func(*http.Request) (rpcx.Metadata, error) { return rpcx.Metadata{}, err }}
}

// manyPairs is metadata of n pairs.
func manyPairs(n int) string {
	pairs := make([]string, n)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("%d=", i)
	}
	return strings.Join(pairs, "&")
}

// batch is n calls as one request of JSON-RPC.
func batch(n int) string {
	calls := make([]string, n)
	for i := range calls {
		calls[i] = fmt.Sprintf(`{"jsonrpc":"2.0","method":"S.Note","params":{},"id":%d}`, i)
	}
	return "[" + strings.Join(calls, ",") + "]"
}

// Browsers are told what they ask.
func TestPreflight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{Origins: []string{"https://App.example.com:443/"}})
	a := w.ask(http.MethodOptions, "/S/Note", "", "Origin", "https://app.example.com",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		a.header.Get("Access-Control-Allow-Headers") != "content-type" || !strings.Contains(fmt.Sprint(a.header.Values("Vary")), "Origin") {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]proxy.Config{
		"MaxBody":      {MaxBody: -1},
		"Limits":       {MaxBody: 64 << 20},
		"MaxBodies":    {MaxBodies: 1},
		"Timeout":      {Timeout: -1},
		"Rate":         {Rate: proxy.Rate{PerSecond: -1}},
		"PeerRate":     {PeerRate: proxy.Rate{PerSecond: math.NaN()}},
		"Allow":        {Allow: []string{"Arith.Mul", "Arith"}},
		`Allow has ""`: {Allow: []string{""}},
		"MaxServices":  {MaxServices: -1},
		"Origins":      {Origins: []string{"https://app.example.com/page"}},
		"Hosts":        {Hosts: []string{"*"}},
		"pushes":       {Client: client.Option{Pushes: make(chan *protocol.Message)}},
	}
	for name, c := range tests {
		p, err := proxy.New(client.Failover, client.RandomSelect, client.NewMultipleServersDiscovery(nil), c)
		if p != nil || !errors.Is(err, rpcx.InvalidArgument) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if _, err := proxy.New(client.Failover, client.RandomSelect, nil, proxy.Config{}); !errors.Is(err, rpcx.InvalidArgument) {
		t.Errorf("no resolver: %v", err)
	}
	p, err := proxy.New(client.Failover, client.RandomSelect, client.NewMultipleServersDiscovery(nil), proxy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.HandleHTTP("GET  x", http.NotFoundHandler()); err == nil {
		t.Error("a malformed pattern is no error")
	}
}
