// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/examples/internal/browsertest"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	os.Args = os.Args[:1]
	main()
	// Output:
	// Shop: Shop takes orders, and forgets them when it ends.
	//   Clear takes {"type":"object"}
	//   List takes {"$ref":"#/$defs/shop.Filter"}
	//   Place takes {"$ref":"#/$defs/shop.Order"}
	// a size is {"type":"string","enum":["S","M","L"]}
	// an order is a document of its own: true
	// and 1269 bytes of Go
}

// evil is a name that would do harm as HTML, as a path, and as a link.
const evil = `<img src=x onerror="parent.harmed=1">/{a}'"`

// echo returns what it gets.
func echo(_ context.Context, args, reply *any) error {
	*reply = *args
	return nil
}

// TestPage uses the page in a real browser as a visitor does.
func TestPage(t *testing.T) {
	s, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Handle(s, evil, "<script>", echo); err != nil {
		t.Fatal(err)
	}
	wait := make(chan struct{})
	defer close(wait)
	err = server.Handle(s, "Slow", "Wait", func(ctx context.Context, _, _ *struct{}) error {
		select {
		case <-wait:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	got := browse(t, s, `
  await open("#Shop.Place");
  seen("heading: " + $("name").textContent + " in " + page.document.title);
  const order = JSON.parse($("body").value);
  seen("template: " + Object.keys(order) + "; " + Object.keys(order.items[0]) + "; " + order.items[0].size);
  order.id = 0;
  order.items[0].name = "a <b>shirt</b>";
  const status = await call(JSON.stringify(order).replace('"id":0', '"id":0, "unheard":9007199254740993'));
  seen("placed: " + status.replace(/ ms.*/, "").replace(/\d+$/, "n") + ", " + $("status").className + ", id " + JSON.parse($("reply").textContent).id);
  seen("refused: " + (await call("{}")).split(" ·")[0] + ", " + $("status").className + ": " + $("facts").innerText.replaceAll("\n", " "));
  seen("curl: " + $("curl").textContent.includes("/Shop/Place'"));

  await open("#" + encodeURIComponent(`+"`"+evil+`.<script>`+"`"+`));
  seen("evil: " + $("name").textContent);
  await call('{"large":9007199254740993,"html":"<i>","none":[]}');
  seen("reply: " + $("reply").textContent.replaceAll(/\s+/g, ""));
  seen("images: " + page.document.images.length + ", harm: " + window.harmed);

  await open("#Slow.Wait");
  $("timeout").value = 50;
  seen("late: " + (await call("{}")).split(" ·")[0]);
  $("timeout").value = "";
  $("send").click();
  await until(() => !$("stop").hidden);
  $("stop").click();
  await until(() => $("stop").hidden);
  seen("canceled: " + $("status").textContent);

  $("filter").value = "CLEAR";
  $("filter").dispatchEvent(new Event("input"));
  seen("found: " + $("services").innerText.replaceAll(/\s+/g, " "));
  seen("deprecated: " + page.document.querySelector("nav a").className);
`)
	want := `heading: Shop.Place in A shop
template: id,items,placed,patience; name,size,count,notes; S
placed: 200 OK · n, good, id 1
refused: 400 Bad Request, bad: code invalid_argument detail an order needs items
curl: true
evil: ` + evil + `.<script>
reply: {"html":"\u003ci\u003e","large":9007199254740993,"none":[]}
images: 0, harm: undefined
late: 504 Gateway Timeout
canceled: canceled
found: Shop Shop takes orders, and forgets them when it ends. Clear
deprecated: deprecated`
	if got != want {
		t.Errorf("the browser reports\n%s\nwant\n%s", got, want)
	}
}

// TestPageWithToken needs a token to know anything.
func TestPageWithToken(t *testing.T) {
	s := server.NewServer(server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "Bearer let-me-in" {
			return rpcx.Errorf(rpcx.Unauthenticated, "who are you?")
		}
		return nil
	}))
	if err := server.Handle(s, "Echo", "Echo", echo); err != nil {
		t.Fatal(err)
	}
	if err := reflection.Register(s); err != nil {
		t.Fatal(err)
	}
	if err := openapi.Mount(s, "/docs/", openapi.Config{Token: true}); err != nil {
		t.Fatal(err)
	}
	got := browse(t, s, `
  await until(() => $("state").className === "bad");
  seen($("state").textContent + " services: " + $("services").innerText);
  $("token").value = "Bearer let-me-in";
  $("access").requestSubmit();
  await until(() => page.document.querySelector("nav a"));
  await open("#Echo.Echo");
  seen((await call("[1]")).split(" ·")[0] + " " + $("reply").textContent.replaceAll(/\s+/g, ""));
  $("token").value = "";
  seen((await call("[1]")).split(" ·")[0]);
`)
	want := `The services cannot be read: who are you? Say a token above and press Reload. services: 
200 OK [1]
401 Unauthorized`
	if got != want {
		t.Errorf("the browser reports\n%s\nwant\n%s", got, want)
	}
}

// driver is a page around the page, which uses it by the steps of a test and reports what
// it saw.
const driver = `<!doctype html>
<iframe src="/docs/" style="width: 1200px; height: 900px"></iframe>
<script type="module">
const until = async (what) => {
  for (const start = Date.now(); !what(); await new Promise((r) => setTimeout(r, 5))) {
    if (Date.now() - start > 20000) throw new Error("it never comes to " + what);
  }
};
const report = [];
const seen = (text) => report.push(text);
try {
  const frame = document.querySelector("iframe");
  await until(() => frame.contentDocument?.readyState === "complete" && frame.contentDocument.getElementById("state"));
  const page = frame.contentWindow;
  const $ = (id) => page.document.getElementById(id);
  const open = async (hash) => {
    await until(() => page.document.querySelector("nav a"));
    const before = $("name").textContent;
    page.location.hash = hash;
    await until(() => !$("method").hidden && $("name").textContent !== before);
  };
  const call = async (body) => {
    $("result").hidden = true;
    $("body").value = body;
    $("body").dispatchEvent(new Event("input"));
    $("send").click();
    await until(() => !$("result").hidden);
    return $("status").textContent;
  };
STEPS
} catch (err) {
  seen("failed: " + err);
}
await fetch("/report", { method: "POST", body: report.join("\n") });
</script>
`

// browse serves and returns what a browser reports of the steps.
func browse(t *testing.T, s *server.Server, steps string) string {
	t.Helper()
	path := browsertest.Path(t)
	report := make(chan string, 1)
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /driver": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, strings.Replace(driver, "STEPS", steps, 1)) // or no report comes
		},
		"POST /report": func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body) // what is missing shows
			report <- string(text)
		},
	} {
		if err := s.HandleHTTP(pattern, h); err != nil {
			t.Fatal(err)
		}
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	defer func() {
		s.Close()
		<-served
	}()
	<-s.Started()
	return browsertest.Open(t, path, "http://"+s.Address().String()+"/driver", report)
}
