// SPDX-License-Identifier: Apache-2.0

package rpcxotel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	rpcxotel "github.com/rpcx-go/rpcx/contrib/otel"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is an observer and what it recorded.
type lab struct {
	*rpcxotel.Observer
	spans    *tracetest.SpanRecorder
	provider *trace.TracerProvider
	reader   *metric.ManualReader
}

func newLab(c rpcxotel.Config, opts ...trace.TracerProviderOption) *lab {
	l := &lab{spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	l.provider = trace.NewTracerProvider(append(opts, trace.WithSpanProcessor(l.spans))...)
	c.TracerProvider = l.provider
	c.MeterProvider = metric.NewMeterProvider(metric.WithReader(l.reader))
	l.Observer = rpcxotel.New(c)
	return l
}

// ended returns the spans that have ended.
func (l *lab) ended() []trace.ReadOnlySpan { return l.spans.Ended() }

// only returns the one span of a kind.
func (l *lab) only(t *testing.T, kind api.SpanKind) trace.ReadOnlySpan {
	t.Helper()
	var found []trace.ReadOnlySpan
	for _, s := range l.ended() {
		if s.SpanKind() == kind {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans of kind %v, want 1", len(found), kind)
	}
	return found[0]
}

func attributes(s trace.ReadOnlySpan) map[string]string {
	m := make(map[string]string)
	for _, kv := range s.Attributes() {
		m[string(kv.Key)] = kv.Value.String()
	}
	return m
}

func wantAttributes(t *testing.T, s trace.ReadOnlySpan, want map[string]string) {
	t.Helper()
	got := attributes(s)
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%v span: %s = %q, want %q", s.SpanKind(), k, got[k], v)
		}
	}
}

func double(_ context.Context, n *int, m *int) error {
	if *n < 0 {
		return rpcx.Errorf(rpcx.InvalidArgument, "negative")
	}
	*m = 2 * *n
	return nil
}

// onTCP serves Math.Double and returns a client of it.
func onTCP(t *testing.T, option client.Option, opts ...server.Option) *client.XClient {
	t.Helper()
	s := server.NewServer(opts...)
	if err := s.RegisterFunctionName("Math", "Double", double, ""); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	<-s.Started()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Math", client.Failfast, client.RandomSelect, d, option)
	t.Cleanup(func() {
		_ = x.Close()
		_ = s.Close()
		<-served
	})
	return x
}

// One trace shows the call, the attempt and the server, each the child of the other.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	x := onTCP(t, client.Option{Observer: l}, server.WithObserver(l))
	ctx, root := l.provider.Tracer("test").Start(t.Context(), "root")
	n, m := 21, 0
	if err := x.Call(ctx, "Double", &n, &m); err != nil || m != 42 {
		t.Fatal(m, err)
	}
	defer root.End() // so that it is not among those that have ended
	call, attempt, served := l.only(t, api.SpanKindInternal), l.only(t, api.SpanKindClient), l.only(t, api.SpanKindServer)
	for _, link := range []struct {
		name   string
		child  trace.ReadOnlySpan
		parent api.SpanContext
	}{
		{"call", call, root.SpanContext()},
		{"attempt", attempt, call.SpanContext()},
		{"server", served, attempt.SpanContext()},
	} {
		if link.child.Parent().SpanID() != link.parent.SpanID() || link.child.SpanContext().TraceID() != root.SpanContext().TraceID() {
			t.Errorf("%s: parent %v, want %v", link.name, link.child.Parent().SpanID(), link.parent.SpanID())
		}
		if link.child.Name() != "Math/Double" || link.child.Status().Code != codes.Unset {
			t.Errorf("%s: name %q, status %v", link.name, link.child.Name(), link.child.Status())
		}
		wantAttributes(t, link.child, map[string]string{
			"rpc.system.name": "rpcx", "rpc.method": "Math/Double", "rpc.response.status_code": "OK", "error.type": "",
		})
	}
	if !served.Parent().IsRemote() {
		t.Error("the server's parent is not remote")
	}
	wantAttributes(t, attempt, map[string]string{
		"server.address": "127.0.0.1", "network.peer.address": "127.0.0.1", "network.transport": "tcp", "rpcx.attempt": "1",
	})
	wantAttributes(t, served, map[string]string{
		"client.address": "127.0.0.1", "network.peer.address": "127.0.0.1", "network.transport": "tcp",
	})
	if a := attributes(attempt); a["server.port"] == "" || a["server.port"] != a["network.peer.port"] {
		t.Errorf("ports %q and %q", a["server.port"], a["network.peer.port"])
	}
}

// Each attempt has a span of its own, and its own context on the wire.
func TestEachAttemptIsASpan(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	s := rpctest.NewServer(t)
	var mu sync.Mutex
	var parents []string
	err := s.RegisterFunctionName("Math", "Double", func(ctx context.Context, _ *int, _ *int) error {
		mu.Lock()
		defer mu.Unlock()
		parents = append(parents, rpcx.IncomingMetadata(ctx).Get("traceparent"))
		if len(parents) < 3 {
			return rpcx.Errorf(rpcx.Unavailable, "again").NotExecuted()
		}
		return nil
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	x := client.NewXClient("Math", client.Failtry, client.RandomSelect, s.Discovery(), s.Option(client.Option{Observer: l}))
	defer x.Close()
	if err := x.Call(t.Context(), "Double", new(int), new(int)); err != nil {
		t.Fatal(err)
	}
	call := l.only(t, api.SpanKindInternal)
	var attempts []trace.ReadOnlySpan
	for _, s := range l.ended() {
		if s.SpanKind() == api.SpanKindClient {
			attempts = append(attempts, s)
		}
	}
	if len(attempts) != 3 || len(parents) != 3 {
		t.Fatalf("%d attempts, %d requests", len(attempts), len(parents))
	}
	for i, a := range attempts {
		if want := fmt.Sprintf("00-%v-%v-01", call.SpanContext().TraceID(), a.SpanContext().SpanID()); parents[i] != want {
			t.Errorf("attempt %d carries %q, want %q", i+1, parents[i], want)
		}
		status, code := codes.Error, "UNAVAILABLE"
		if i == 2 {
			status, code = codes.Unset, "OK"
		}
		if a.Status().Code != status {
			t.Errorf("attempt %d: status %v", i+1, a.Status())
		}
		wantAttributes(t, a, map[string]string{"rpcx.attempt": fmt.Sprint(i + 1), "rpc.response.status_code": code})
	}
	wantAttributes(t, call, map[string]string{"rpc.response.status_code": "OK"})
}

// What is an error of the caller is an error of the client's spans only.
func TestStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		name   string
		server codes.Code
	}{
		{rpcx.Canceled, "CANCELLED", codes.Unset},
		{rpcx.Unknown, "UNKNOWN", codes.Error},
		{rpcx.InvalidArgument, "INVALID_ARGUMENT", codes.Unset},
		{rpcx.DeadlineExceeded, "DEADLINE_EXCEEDED", codes.Error},
		{rpcx.NotFound, "NOT_FOUND", codes.Unset},
		{rpcx.AlreadyExists, "ALREADY_EXISTS", codes.Unset},
		{rpcx.PermissionDenied, "PERMISSION_DENIED", codes.Unset},
		{rpcx.ResourceExhausted, "RESOURCE_EXHAUSTED", codes.Unset},
		{rpcx.FailedPrecondition, "FAILED_PRECONDITION", codes.Unset},
		{rpcx.Aborted, "ABORTED", codes.Unset},
		{rpcx.OutOfRange, "OUT_OF_RANGE", codes.Unset},
		{rpcx.Unimplemented, "UNIMPLEMENTED", codes.Error},
		{rpcx.Internal, "INTERNAL", codes.Error},
		{rpcx.Unavailable, "UNAVAILABLE", codes.Error},
		{rpcx.DataLoss, "DATA_LOSS", codes.Error},
		{rpcx.Unauthenticated, "UNAUTHENTICATED", codes.Unset},
		{errors.New("no"), "UNKNOWN", codes.Error},
		{rpcx.Code(4000), "UNKNOWN", codes.Error},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			t.Parallel()
			for _, side := range []rpcx.Side{rpcx.ClientSide, rpcx.ServerSide} {
				l := newLab(rpcxotel.Config{})
				info := &rpcx.CallInfo{Side: side, Service: "S", Method: "M", Oneway: true}
				l.CallEnd(l.CallStart(t.Context(), info), info, &rpcx.CallResult{Err: tt.err})
				s := l.ended()[0]
				wantAttributes(t, s, map[string]string{"rpc.response.status_code": tt.name, "error.type": tt.name, "rpcx.oneway": "true"})
				want := codes.Error
				if side == rpcx.ServerSide {
					want = tt.server
				}
				if s.Status().Code != want {
					t.Errorf("%v: status %v, want %v", side, s.Status(), want)
				}
			}
		})
	}
}

// A call that is refused has a span too.
func TestRefusedCallsHaveSpans(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	x := rpctest.Serve(t, "Math", new(Math), server.WithObserver(l),
		server.WithAuth(middleware.Auth(middleware.AuthConfig{Logger: slog.New(slog.DiscardHandler)})))
	if err := x.Call(t.Context(), "Half", new(int), new(int)); !errors.Is(err, rpcx.Unauthenticated) {
		t.Fatal(err)
	}
	wantAttributes(t, l.only(t, api.SpanKindServer), map[string]string{"rpc.response.status_code": "UNAUTHENTICATED"})
}

// Math is a service.
type Math struct{}

// Half halves.
func (Math) Half(_ context.Context, n *int, m *int) error {
	*m = *n / 2
	return nil
}

// On a public server a stranger's context is a link, not a parent.
func TestPublic(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{Public: true})
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	info := &rpcx.CallInfo{Side: rpcx.ServerSide, Header: rpcx.Pairs("traceparent", "00-"+id+"-00f067aa0ba902b7-01")}
	l.CallEnd(l.CallStart(t.Context(), info), info, &rpcx.CallResult{})
	s := l.ended()[0]
	if s.Parent().IsValid() || s.SpanContext().TraceID().String() == id {
		t.Error("the stranger's trace goes on")
	}
	if links := s.Links(); len(links) != 1 || links[0].SpanContext.TraceID().String() != id {
		t.Errorf("links %v", links)
	}
}

// What peers send as a context must not break a call.
func TestOddContexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "00-0-0-0", strings.Repeat("f", 10_000), "00-00000000000000000000000000000000-0000000000000000-01"} {
		l := newLab(rpcxotel.Config{})
		info := &rpcx.CallInfo{Side: rpcx.ServerSide, Header: rpcx.Pairs("traceparent", text, "tracestate", text)}
		l.CallEnd(l.CallStart(t.Context(), info), info, &rpcx.CallResult{})
		if s := l.ended()[0]; s.Parent().IsValid() {
			t.Errorf("%.20q is a parent", text)
		}
	}
}

// A decision not to sample travels, and so does the state of vendors.
func TestUnsampledAndState(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{}, trace.WithSampler(trace.NeverSample()))
	state, err := api.ParseTraceState("vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	parent := api.NewSpanContext(api.SpanContextConfig{TraceID: api.TraceID{1}, SpanID: api.SpanID{2}, TraceState: state})
	ctx := api.ContextWithSpanContext(t.Context(), parent)
	info := &rpcx.CallInfo{Side: rpcx.ClientSide, Attempt: 1, Header: rpcx.Pairs("user", "ada", "traceparent", "stale")}
	ctx = l.CallStart(ctx, info)
	got := info.Header
	if parts := strings.Split(got.Get("traceparent"), "-"); len(parts) != 4 || parts[1] != parent.TraceID().String() || parts[3] != "00" {
		t.Errorf("traceparent %q", got.Get("traceparent"))
	}
	if got.Get("tracestate") != "vendor=1" || got.Get("user") != "ada" {
		t.Errorf("header %v", got.Map())
	}
	if id := rpcxotel.TraceID(ctx, info); id != "" {
		t.Errorf("trace id %q of a trace that is not sampled", id)
	}
	l.CallEnd(ctx, info, &rpcx.CallResult{})
	if n := len(l.ended()); n != 0 {
		t.Errorf("%d spans recorded", n)
	}
}

func TestPropagatorOfOnesOwn(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})})
	member, err := baggage.NewMember("tenant", "a")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	out := &rpcx.CallInfo{Side: rpcx.ClientSide, Attempt: 1}
	l.CallStart(baggage.ContextWithBaggage(t.Context(), bag), out)
	in := &rpcx.CallInfo{Side: rpcx.ServerSide, Header: out.Header}
	ctx := l.CallStart(t.Context(), in)
	if got := baggage.FromContext(ctx).Member("tenant").Value(); got != "a" {
		t.Errorf("baggage %q", got)
	}
}

// Two observers do not end each other's spans.
func TestTwoObservers(t *testing.T) {
	t.Parallel()
	a, b := newLab(rpcxotel.Config{}), newLab(rpcxotel.Config{})
	both := rpcx.MultiObserver(a, b)
	info := &rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: "M"}
	both.CallEnd(both.CallStart(t.Context(), info), info, &rpcx.CallResult{})
	if len(a.ended()) != 1 || len(b.ended()) != 1 {
		t.Errorf("%d and %d spans ended", len(a.ended()), len(b.ended()))
	}
}

func TestCallEndWithAStrangeContext(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	info := &rpcx.CallInfo{Side: rpcx.ServerSide}
	l.CallEnd(t.Context(), info, &rpcx.CallResult{}) // must not panic
	if n := len(l.ended()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	x := onTCP(t, client.Option{Observer: l}, server.WithObserver(l))
	for n := -1; n < 3; n++ {
		_ = x.Call(t.Context(), "Double", &n, new(int))
	}
	var data metricdata.ResourceMetrics
	if err := l.reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]uint64)
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Unit != "s" {
				t.Errorf("%s is in %q", m.Name, m.Unit)
			}
			for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				status, _ := p.Attributes.Value("rpc.response.status_code")
				method, _ := p.Attributes.Value("rpc.method")
				if len(p.Exemplars) == 0 {
					t.Errorf("%s has no exemplar", m.Name)
				}
				got[m.Name+" "+method.AsString()+" "+status.AsString()] += p.Count
				if _, failed := p.Attributes.Value(attribute.Key("error.type")); failed != (status.AsString() != "OK") {
					t.Errorf("%s %s: has an error type: %v", m.Name, status.AsString(), failed)
				}
			}
		}
	}
	for _, side := range []string{"client", "server"} {
		name := "rpc." + side + ".call.duration Math/Double "
		if got[name+"OK"] != 3 || got[name+"INVALID_ARGUMENT"] != 1 {
			t.Errorf("counted %v", got)
		}
	}
}

func TestAddressesOfOtherKinds(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	info := &rpcx.CallInfo{Side: rpcx.ClientSide, Attempt: 1, Peer: rpcx.Peer{Network: "unix", Addr: addr("/run/math.sock")}}
	l.CallEnd(l.CallStart(t.Context(), info), info, &rpcx.CallResult{})
	wantAttributes(t, l.ended()[0], map[string]string{"server.address": "/run/math.sock", "server.port": "", "network.transport": "unix"})
}

type addr string

func (addr) Network() string  { return "unix" }
func (a addr) String() string { return string(a) }

func TestTraceID(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	info := &rpcx.CallInfo{Side: rpcx.ServerSide}
	ctx := l.CallStart(t.Context(), info)
	if got, want := rpcxotel.TraceID(ctx, info), api.SpanContextFromContext(ctx).TraceID().String(); got != want {
		t.Errorf("TraceID is %q, want %q", got, want)
	}
	l.CallEnd(ctx, info, &rpcx.CallResult{})
	if got := rpcxotel.TraceID(context.Background(), info); got != "" {
		t.Errorf("TraceID without a span is %q", got)
	}
}

// Without a provider everything works, and does nothing.
func TestGlobalsThatDoNothing(t *testing.T) {
	t.Parallel()
	o := rpcxotel.New(rpcxotel.Config{})
	x := onTCP(t, client.Option{Observer: o}, server.WithObserver(o))
	n, m := 21, 0
	if err := x.Call(t.Context(), "Double", &n, &m); err != nil || m != 42 {
		t.Error(m, err)
	}
}
