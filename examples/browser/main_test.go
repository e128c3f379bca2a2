// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/examples/internal/browsertest"
)

// driver is a page that uses the example's page as a user does, then the client by
// itself, and reports what it saw.
const driver = `<!doctype html>
<iframe src="/"></iframe>
<script type="module">
import { Client } from "/rpcx.js";
const until = async (what) => { while (!what()) await new Promise((r) => setTimeout(r, 5)); };
const seen = [];
try {
  const page = document.querySelector("iframe");
  await until(() => page.contentDocument?.forms[0]?.dataset.ready);
  const form = page.contentDocument.forms[0];
  form.querySelector("button").click();
  await until(() => form.c.value !== "?");
  seen.push("the page shows " + form.c.value);

  const client = await Client.connect("ws://" + location.host + "/_rpcx_");
  const numbers = [...Array(100).keys()];
  const replies = await Promise.all(numbers.map((n) => client.call("Arith", "Mul", { A: n, B: 2 }, { trace: "x" })));
  seen.push("at once: " + replies.every((r, n) => r.C === 2 * n));
  await client.call("Arith", "None", {}).catch((err) => seen.push("error: " + err.message));
  client.close();
  await client.call("Arith", "Mul", {}).catch((err) => seen.push("then: " + err.message));
} catch (err) {
  seen.push("failed: " + err);
}
await fetch("/report", { method: "POST", body: seen.join("\n") });
</script>
`

// TestBrowser opens the page in a real browser without a window.
func TestBrowser(t *testing.T) {
	path := browsertest.Path(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	report := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /driver", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, driver) // or no report comes
	})
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body) // what is missing shows
		report <- string(text)
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, ln, mux) }()

	got := browsertest.Open(t, path, "http://"+ln.Addr().String()+"/driver", report)
	want := "the page shows 42\nat once: true\nerror: rpcx: can't find method None\nthen: connection is closed"
	if got != want {
		t.Errorf("the browser reports\n%s\nwant\n%s", got, want)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// TestPageIsServed needs no browser.
func TestPageIsServed(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, ln, http.NewServeMux()) }()
	for path, want := range map[string]string{"/": "text/html", "/rpcx.js": "text/javascript"} {
		resp, err := http.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(got, want) {
			t.Errorf("%s: status %d, %s", path, resp.StatusCode, got)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}
