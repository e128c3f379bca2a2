// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

// The document has the services of several servers, as far as they may be called and known.
func TestDocument(t *testing.T) {
	t.Parallel()
	auth := server.WithAuth(func(_ context.Context, service, _, token string) error {
		if service == reflection.ServiceName && token == "" {
			return errors.New("who?")
		}
		return nil
	})
	w := newWorld(t, proxy.Config{Allow: []string{"Arith.*", "S.Note", "Shop.*", "Mute.*"}}, auth)
	shop := w.start(auth)
	buy := func(context.Context, *Args, *Reply) error { return nil }
	mute := server.NewServer(server.WithRegistrar(w.services, "", 0), server.WithLogger(quiet()))
	err := errors.Join(server.Handle(shop, "Shop", "Buy", buy), server.Handle(mute, "Mute", "Sing", buy),
		reflection.Register(w.server), reflection.Register(shop))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- mute.Serve("tcp", "127.0.0.1:0") }()
	receive(t, mute.Started(), "a server that does not describe itself")
	defer func() { _ = mute.Close(); <-served }()
	w.announced("Shop", shop)
	w.announced("Mute", mute)
	docs := openapi.Handler(w.proxy.Describe("S", "Shop", "Mute", "Nobody"), openapi.Config{})
	if err := w.proxy.HandleHTTP("GET /docs/", http.StripPrefix("/docs", docs)); err != nil {
		t.Fatal(err)
	}
	w.ask(http.MethodGet, "/docs/", "").want(t, 200, "<html")
	w.ask(http.MethodGet, "/docs/openapi.json", "").want(t, 401, "who?")
	a := w.ask(http.MethodGet, "/docs/openapi.json", "", "Authorization", "me")
	a.want(t, 200, "")
	var document struct{ Paths map[string]any }
	if err := json.Unmarshal([]byte(a.body), &document); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(document.Paths)); !slices.Equal(got, []string{"/S/Note", "/Shop/Buy"}) {
		t.Errorf("paths %v", got)
	}
	w.post("/Reflection/Describe", `"S"`, "Authorization", "me").want(t, 404, "can't find service Reflection")
	w.post("/S/Note", "", "Origin", w.url).want(t, 200, "{}") // from the page
}

// Secret is what only a method takes that may not be called.
type Secret struct{ Inner *Hidden }

// Hidden is what Secret refers to.
type Hidden struct{ Next *Secret }

// Kept is a list that a method takes which may be called.
type Kept struct{ Next *Kept }

// Of methods that may not be called, nobody learns the types either.
func TestDescribeHidesTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{Allow: []string{"Shop.Buy"}})
	shop := w.start()
	err := errors.Join(
		server.Handle(shop, "Shop", "Buy", func(context.Context, *Kept, *Reply) error { return nil }),
		server.Handle(shop, "Shop", "Audit", func(context.Context, *Secret, *Reply) error { return nil }),
		reflection.Register(shop))
	if err != nil {
		t.Fatal(err)
	}
	w.announced("Shop", shop)
	services, err := w.proxy.Describe("Shop")(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if err != nil || len(services) != 1 {
		t.Fatalf("%v, %v", services, err)
	}
	if got := slices.Sorted(maps.Keys(services[0].Defs)); !slices.Equal(got, []string{"proxy_test.Kept", "proxy_test.Reply"}) {
		t.Errorf("types %v", got)
	}
}
