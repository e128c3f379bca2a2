// SPDX-License-Identifier: Apache-2.0

package rpcxotel

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/semconv/v1.43.0/rpcconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/rpcx-go/rpcx"
)

// scope is what spans and metrics are said to come from.
const scope = "github.com/rpcx-go/rpcx/contrib/otel"

// Config configures New. Zero of a field means its default.
type Config struct {
	// TracerProvider makes spans. Default: the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes histograms. Default: the global one.
	MeterProvider metric.MeterProvider
	// Propagator writes and reads the context in the metadata. Default: W3C Trace
	// Context, whatever the global one is.
	Propagator propagation.TextMapPropagator
	// Public keeps strangers from deciding about a server's traces: its spans begin new
	// ones, which are linked to those that calls come from.
	Public bool
}

// Observer is an rpcx.Observer that makes spans and records durations.
type Observer struct {
	tracer         trace.Tracer
	propagator     propagation.TextMapPropagator
	public         bool
	client, server metric.Float64Histogram
}

// New makes an Observer.
func New(c Config) *Observer {
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	if c.MeterProvider == nil {
		c.MeterProvider = otel.GetMeterProvider()
	}
	if c.Propagator == nil {
		c.Propagator = propagation.TraceContext{}
	}
	meter := c.MeterProvider.Meter(scope)
	buckets := metric.WithExplicitBucketBoundaries( // those of the conventions
		.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10)
	client, err := rpcconv.NewClientCallDuration(meter, buckets)
	if err != nil {
		otel.Handle(err) // what it returned does nothing
	}
	server, err := rpcconv.NewServerCallDuration(meter, buckets)
	if err != nil {
		otel.Handle(err)
	}
	return &Observer{
		tracer:     c.TracerProvider.Tracer(scope),
		propagator: c.Propagator,
		public:     c.Public,
		client:     client.Inst(),
		server:     server.Inst(),
	}
}

// spanKey is where an observer finds its own span again, whatever other observers
// have put into the context since.
type spanKey struct{ observer *Observer }

// CallStart implements rpcx.Observer.
func (o *Observer) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	options := []trace.SpanStartOption{trace.WithAttributes(startAttributes(info)...)}
	switch {
	case info.Side == rpcx.ServerSide:
		ctx = o.propagator.Extract(ctx, &carrier{header: info.Header})
		options = append(options, trace.WithSpanKind(trace.SpanKindServer))
		if from := trace.SpanContextFromContext(ctx); o.public && from.IsValid() {
			options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: from}))
		}
	case info.Attempt > 0:
		options = append(options, trace.WithSpanKind(trace.SpanKindClient))
	default:
		options = append(options, trace.WithSpanKind(trace.SpanKindInternal))
	}
	ctx, span := o.tracer.Start(ctx, fullMethod(info), options...)
	if info.Attempt > 0 {
		out := &carrier{header: info.Header}
		o.propagator.Inject(ctx, out)
		info.Header = out.header
	}
	return context.WithValue(ctx, spanKey{o}, span)
}

// CallEnd implements rpcx.Observer.
func (o *Observer) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	code := rpcx.CodeOf(result.Err)
	if info.Attempt == 0 {
		histogram := o.client
		if info.Side == rpcx.ServerSide {
			histogram = o.server
		}
		if histogram.Enabled(ctx) {
			histogram.Record(ctx, result.Duration.Seconds(), metric.WithAttributes(measureAttributes(info, code)...))
		}
	}
	span, ok := ctx.Value(spanKey{o}).(trace.Span)
	if !ok {
		return
	}
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(endAttributes(code)...)
	if result.Err != nil && (info.Side == rpcx.ClientSide || isServersFault(code)) {
		span.SetStatus(codes.Error, result.Err.Error())
	}
}

// TraceID returns the trace that a call belongs to, "" if that is not sampled. It fits
// Config.TraceID of contrib/prometheus, for exemplars that lead from a metric to a trace.
func TraceID(ctx context.Context, _ *rpcx.CallInfo) string {
	if c := trace.SpanContextFromContext(ctx); c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}
