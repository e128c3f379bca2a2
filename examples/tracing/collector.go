// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collection is the spans that a collector was sent.
type collection struct {
	mu    sync.Mutex
	spans []*trace.Span
}

// collect serves a collector, which a real program has elsewhere.
func collect(ln net.Listener) *collection {
	c := new(collection)
	h := &http.Server{Handler: c, ReadHeaderTimeout: time.Second}
	go h.Serve(ln) // until the program ends
	return c
}

// ServeHTTP takes an export of OTLP over HTTP.
func (c *collection) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var export collector.ExportTraceServiceRequest
	if proto.Unmarshal(body, &export) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// print prints the spans as a tree.
func (c *collection) print() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.below("", 0)
}

func (c *collection) below(parent string, depth int) {
	for _, s := range c.spans {
		if string(s.GetParentSpanId()) == parent {
			kind := strings.ToLower(strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_"))
			fmt.Printf("%s%s (%s)\n", strings.Repeat("  ", depth), s.GetName(), kind)
			c.below(string(s.GetSpanId()), depth+1)
		}
	}
}
