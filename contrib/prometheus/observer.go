// SPDX-License-Identifier: Apache-2.0

package rpcxprometheus

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rpcx-go/rpcx"
)

// Config configures New. Zero of a field means its default.
type Config struct {
	// Namespace is what names of metrics begin with. Default "rpcx".
	Namespace string
	// Labels are on every metric. Default: none.
	Labels prometheus.Labels
	// Buckets are the bounds of the durations' histogram, in seconds. Default: 1, 2.5 and
	// 5 of each power of ten from 100 µs to 10 s.
	Buckets []float64
	// MaxMethods is how many methods have labels of their own on each side; all further
	// ones are service and method "other". Default 1000.
	MaxMethods int
	// TraceID returns the trace that a call belongs to, in hexadecimal, "" for none. It
	// is attached to durations as an exemplar "trace_id", which those see who scrape in
	// the OpenMetrics format. Default: that of the metadata "traceparent", if it is
	// sampled.
	TraceID func(ctx context.Context, info *rpcx.CallInfo) string
}

// Observer is an rpcx.Observer, rpcx.ConnObserver, rpcx.EventObserver and
// rpcx.ServerObserver that counts, and a prometheus.Collector that tells.
type Observer struct {
	server, client *side
	traceID        func(ctx context.Context, info *rpcx.CallInfo) string
}

// New makes an Observer. It has to be registered to be scraped.
func New(c Config) *Observer {
	if c.Namespace == "" {
		c.Namespace = "rpcx"
	}
	if len(c.Buckets) == 0 {
		c.Buckets = []float64{
			.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10,
		}
	}
	if c.MaxMethods <= 0 {
		c.MaxMethods = 1000
	}
	if c.TraceID == nil {
		c.TraceID = traceOfHeader
	}
	return &Observer{server: newSide(c, "server"), client: newSide(c, "client"), traceID: c.TraceID}
}

// Describe implements prometheus.Collector.
func (o *Observer) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range append(o.server.collectors(), o.client.collectors()...) {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (o *Observer) Collect(ch chan<- prometheus.Metric) {
	for _, c := range append(o.server.collectors(), o.client.collectors()...) {
		c.Collect(ch)
	}
}

// CallStart implements rpcx.Observer.
func (o *Observer) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	if info.Attempt == 0 {
		o.side(info.Side).method(info.Service, info.Method).inFlight.Inc()
	}
	return ctx
}

// CallEnd implements rpcx.Observer.
func (o *Observer) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	m := o.side(info.Side).method(info.Service, info.Method)
	m.requestBytes.Add(float64(result.RequestBytes))
	m.replyBytes.Add(float64(result.ReplyBytes))
	code := rpcx.CodeOf(result.Err)
	if info.Attempt > 0 {
		m.attempts.count(code)
		return
	}
	m.inFlight.Dec()
	m.calls.count(code)
	if trace := o.traceID(ctx, info); trace != "" && len(trace) <= maxTraceID && utf8.ValidString(trace) {
		m.duration.(prometheus.ExemplarObserver).ObserveWithExemplar( //nolint:forcetypeassert // every histogram is one
			result.Duration.Seconds(), prometheus.Labels{"trace_id": trace})
		return
	}
	m.duration.Observe(result.Duration.Seconds())
}

// ConnOpen implements rpcx.ConnObserver.
func (o *Observer) ConnOpen(info *rpcx.ConnInfo) {
	s := o.side(info.Side)
	network := label(info.Peer.Network)
	s.opened.WithLabelValues(network).Inc()
	s.open.WithLabelValues(network).Inc()
}

// ConnClose implements rpcx.ConnObserver.
func (o *Observer) ConnClose(info *rpcx.ConnInfo, _ error) {
	o.side(info.Side).open.WithLabelValues(label(info.Peer.Network)).Dec()
}

// ClientEvent implements rpcx.EventObserver.
func (o *Observer) ClientEvent(e *rpcx.Event) {
	service := "" // of no call
	if e.Service != "" {
		service = o.client.method(e.Service, e.Method).service
	}
	o.client.events.WithLabelValues(service, e.Kind.String()).Inc()
}

// ServerEvent implements rpcx.ServerObserver. Names are no labels here: those of calls that
// are refused may be anything.
func (o *Observer) ServerEvent(e *rpcx.ServerEvent) {
	o.server.events.WithLabelValues(e.Kind.String(), codeText(rpcx.CodeOf(e.Err))).Inc()
}

func (o *Observer) side(s rpcx.Side) *side {
	if s == rpcx.ServerSide {
		return o.server
	}
	return o.client
}

// maxTraceID keeps an exemplar within the 128 characters that it may have: a longer
// one makes client_golang panic.
const maxTraceID = 100

// traceOfHeader reads the trace id out of a W3C traceparent that is sampled:
// version-traceid-parentid-flags, of 2, 32, 16 and 2 hexadecimal digits.
func traceOfHeader(_ context.Context, info *rpcx.CallInfo) string {
	header := info.Header.Get("traceparent")
	if header == "" {
		return ""
	}
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts[1]) != 32 || len(parts[3]) != 2 || !isHex(parts[1]) || !isHex(parts[3]) {
		return ""
	}
	if sampled := strings.IndexByte("13579bdf", parts[3][1]) >= 0; !sampled {
		return ""
	}
	return parts[1]
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
