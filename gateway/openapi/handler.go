// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/reflection"
)

// Source returns the services that whoever makes a request may know of. It is called for
// each request of the document, concurrently. An error refuses the request, with the
// status of its code.
type Source func(r *http.Request) ([]reflection.Service, error)

// Dispatcher runs calls; a *server.Server is one. See gateway.Dispatcher.
type Dispatcher interface {
	Dispatch(ctx context.Context, peer rpcx.Peer, m *protocol.Message) (reply *protocol.Message, err error)
}

// From returns a Source that calls the reflection service by way of d, with the token of
// the request and under the rules of every call: who may not call it gets no document.
func From(d Dispatcher) Source {
	return func(r *http.Request) ([]reflection.Service, error) {
		md, err := httpcall.Metadata(r.Header)
		if err != nil {
			return nil, err
		}
		m := &protocol.Message{Service: reflection.ServiceName, Method: "Describe", Metadata: md, Payload: []byte(`""`)}
		m.Serialize = protocol.JSON
		reply, err := d.Dispatch(r.Context(), httpcall.Peer(r), m)
		if errors.Is(err, rpcx.Unimplemented) {
			return nil, fmt.Errorf("%w; add it with reflection.Register", err)
		}
		if err != nil {
			return nil, err
		}
		var described reflection.Description
		err = json.Unmarshal(reply.Payload, &described)
		return described.Services, err
	}
}

// Mountable is where a Handler can be mounted; a *server.Server is one.
type Mountable interface {
	Dispatcher
	HandleHTTP(pattern string, h http.Handler) error
}

// Mount serves the document and the page on the ports of m, below a prefix such as
// "/docs/". It has the services that the reflection service of m tells of. Calls from the
// page are calls of a page in a browser: see WithHTTPOrigins of package server.
func Mount(m Mountable, prefix string, c Config) error {
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") {
		return fmt.Errorf("openapi: prefix %q does not begin and end with a slash", prefix)
	}
	return m.HandleHTTP("GET "+prefix, http.StripPrefix(strings.TrimSuffix(prefix, "/"), Handler(From(m), c)))
}

//go:embed page
var files embed.FS //nolint:gochecknoglobals // filled by the compiler

// Handler returns a handler that serves the page at /, and the document at /openapi.json.
// It may be mounted below a prefix with http.StripPrefix. Who may see the document is
// decided by source, and by what stands before the handler.
func Handler(source Source, c Config) http.Handler {
	c.Servers = slices.Clone(c.Servers)
	page, err := fs.Sub(files, "page")
	if err != nil {
		return http.NotFoundHandler() // the compiler has seen to it that there is one
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", static(http.FileServerFS(page), policy(c.Servers)))
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // it depends on the token
		services, err := source(r)
		var text []byte
		if err == nil {
			text, err = Document(services, c)
		}
		if err != nil {
			httpcall.Problem(w, httpcall.Status(err), err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text) // a client that has left does not read it
	})
	return mux
}

// static serves the files of the page, and tells the browser what they may do.
func static(page http.Handler, policy string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		page.ServeHTTP(w, r)
	})
}

// policy returns what the page may load and call.
func policy(servers []string) string {
	hosts := []string{"'self'"}
	for _, s := range servers {
		if u, err := url.Parse(s); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'") {
			scheme := or(u.Scheme, "https")
			if scheme == "http" || scheme == "https" {
				hosts = append(hosts, scheme+"://"+u.Host)
			}
		}
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src " + strings.Join(hosts, " ") +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'"
}
