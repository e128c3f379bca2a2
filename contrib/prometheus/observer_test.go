// SPDX-License-Identifier: Apache-2.0

package rpcxprometheus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	rpcxprometheus "github.com/rpcx-go/rpcx/contrib/prometheus"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scrape returns what Prometheus would get, in the OpenMetrics format.
func scrape(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	defer registry.Unregister(c)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("scrape: %d %v\n%s", w.Code, err, text)
	}
	return string(text)
}

func wantLines(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains("\n"+text, "\n"+line) {
			t.Errorf("no line %q in\n%s", line, text)
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

func TestBothSides(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	s := rpctest.NewServer(t, server.WithObserver(o))
	entered, leave := make(chan struct{}), make(chan struct{})
	for name, f := range map[string]func(context.Context, *int, *int) error{
		"Double": double,
		"Wait": func(context.Context, *int, *int) error {
			close(entered)
			<-leave
			return nil
		},
	} {
		if err := s.RegisterFunctionName("Math", name, f, ""); err != nil {
			t.Fatal(err)
		}
	}
	x := client.NewXClient("Math", client.Failfast, client.RandomSelect, s.Discovery(), s.Option(client.Option{Observer: o}))
	for n := -1; n < 3; n++ {
		var m int
		_ = x.Call(t.Context(), "Double", &n, &m)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = x.Call(t.Context(), "Wait", new(int), new(int)) })
	<-entered
	text := scrape(t, o)
	wantLines(t, text,
		`rpcx_server_calls_total{code="ok",method="Double",service="Math"} 3.0`,
		`rpcx_server_calls_total{code="invalid argument",method="Double",service="Math"} 1.0`,
		`rpcx_server_call_duration_seconds_count{method="Double",service="Math"} 4`,
		`rpcx_server_calls_in_flight{method="Double",service="Math"} 0.0`,
		`rpcx_server_calls_in_flight{method="Wait",service="Math"} 1.0`,
		`rpcx_server_request_bytes_total{method="Double",service="Math"} 4.0`,
		`rpcx_server_connections{network="mem"} 1.0`,
		`rpcx_server_connections_opened_total{network="mem"} 1.0`,
		`rpcx_client_calls_total{code="ok",method="Double",service="Math"} 3.0`,
		`rpcx_client_attempts_total{code="ok",method="Double",service="Math"} 3.0`,
		`rpcx_client_attempts_total{code="invalid argument",method="Double",service="Math"} 1.0`,
		`rpcx_client_calls_in_flight{method="Wait",service="Math"} 1.0`,
		`rpcx_client_request_bytes_total{method="Double",service="Math"} 4.0`,
		`rpcx_client_connections{network="mem"} 1.0`,
	)
	close(leave)
	wg.Wait()
	x.Close()
	wantLines(t, scrape(t, o),
		`rpcx_client_calls_in_flight{method="Wait",service="Math"} 0.0`,
		`rpcx_client_connections{network="mem"} 0.0`,
	)
}

// R34: metrics and a rate limit at once: a limited call is answered, and counted.
func TestR34_LimitedCallsAreCounted(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	s := rpctest.NewServer(t, server.WithObserver(o), server.WithInterceptor(
		middleware.RateLimit(middleware.RateLimitConfig{Rate: 0.001, Burst: 1, Logger: slog.New(slog.DiscardHandler)})))
	if err := s.RegisterFunctionName("Math", "Double", double, ""); err != nil {
		t.Fatal(err)
	}
	c := s.Dial(t, client.Option{})
	for i := range 3 {
		var m int
		err := c.Call(t.Context(), "Math", "Double", &i, &m)
		if want := i > 0; errors.Is(err, rpcx.ResourceExhausted) != want {
			t.Errorf("call %d: %v", i, err)
		}
	}
	wantLines(t, scrape(t, o),
		`rpcx_server_calls_total{code="ok",method="Double",service="Math"} 1.0`,
		`rpcx_server_calls_total{code="resource exhausted",method="Double",service="Math"} 2.0`,
		`rpcx_server_calls_in_flight{method="Double",service="Math"} 0.0`,
		`rpcx_server_connections{network="mem"} 1.0`,
	)
}

// A stranger who sends random names must not make the metrics grow.
func TestStrangersMakeNoLabels(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	s := rpctest.NewServer(t, server.WithObserver(o))
	if err := s.RegisterFunctionName("Math", "Double", double, ""); err != nil {
		t.Fatal(err)
	}
	c := s.Dial(t, client.Option{})
	for i := range 100 {
		if err := c.Call(t.Context(), fmt.Sprint("S", i), fmt.Sprint("M", i), &i, new(int)); !errors.Is(err, rpcx.Unimplemented) {
			t.Fatal(err)
		}
		if err := c.Call(t.Context(), "Math", fmt.Sprint("M", i), &i, new(int)); !errors.Is(err, rpcx.Unimplemented) {
			t.Fatal(err)
		}
	}
	if text := scrape(t, o); strings.Contains(text, `method="M`) {
		t.Errorf("names of strangers are labels:\n%s", text)
	}
}

// call tells an observer of a call.
func call(o *rpcxprometheus.Observer, info rpcx.CallInfo, result rpcx.CallResult) {
	ctx := o.CallStart(context.Background(), &info)
	o.CallEnd(ctx, &info, &result)
}

func TestMaxMethods(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{MaxMethods: 3})
	for range 2 {
		for i := range 10 {
			call(o, rpcx.CallInfo{Side: rpcx.ClientSide, Service: "S", Method: fmt.Sprint(i)}, rpcx.CallResult{})
		}
	}
	wantLines(t, scrape(t, o),
		`rpcx_client_calls_total{code="ok",method="0",service="S"} 2.0`,
		`rpcx_client_calls_total{code="ok",method="2",service="S"} 2.0`,
		`rpcx_client_calls_total{code="ok",method="other",service="other"} 14.0`,
		`rpcx_client_calls_in_flight{method="other",service="other"} 0.0`,
	)
	if n := testutil.CollectAndCount(o, "rpcx_client_calls_total"); n != 4 {
		t.Errorf("%d series, want those of 3 methods and of all others", n)
	}
}

// What peers and callers choose must not make a label that Prometheus refuses.
func TestOddNamesAndCodes(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	call(o, rpcx.CallInfo{Side: rpcx.ClientSide, Service: "a\xff", Method: "\n\""}, rpcx.CallResult{Err: rpcx.Code(4000)})
	call(o, rpcx.CallInfo{Side: rpcx.ClientSide, Service: "a\xff", Method: "\n\""}, rpcx.CallResult{Err: errors.New("no")})
	o.ConnOpen(&rpcx.ConnInfo{Side: rpcx.ClientSide, Peer: rpcx.Peer{Network: "\xff"}})
	wantLines(t, scrape(t, o), "rpcx_client_calls_total{code=\"unknown\",method=\"\\n\\\"\",service=\"a\uFFFD\"} 2.0")
}

func TestExemplars(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	tests := []struct {
		name, traceparent string
		traceID           func(context.Context, *rpcx.CallInfo) string
		want              string
	}{
		{"sampled", "00-" + id + "-00f067aa0ba902b7-01", nil, id},
		{"of a later version", "01-" + id + "-00f067aa0ba902b7-03-more", nil, id},
		{"not sampled", "00-" + id + "-00f067aa0ba902b7-00", nil, ""},
		{"none", "", nil, ""},
		{"too short", "00-4bf92f-00f067aa0ba902b7-01", nil, ""},
		{"not hexadecimal", "00-" + strings.Repeat("x", 32) + "-00f067aa0ba902b7-01", nil, ""},
		{"of one's own", "", func(context.Context, *rpcx.CallInfo) string { return "mine" }, "mine"},
		{"too long", "", func(context.Context, *rpcx.CallInfo) string { return strings.Repeat("x", 200) }, ""},
		{"not UTF-8", "", func(context.Context, *rpcx.CallInfo) string { return "\xff" }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := rpcxprometheus.New(rpcxprometheus.Config{TraceID: tt.traceID})
			call(o, rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: "M", Header: rpcx.Pairs("traceparent", tt.traceparent)},
				rpcx.CallResult{Duration: time.Millisecond})
			text := scrape(t, o)
			if tt.want == "" {
				if strings.Contains(text, "trace_id") {
					t.Errorf("there is an exemplar:\n%s", text)
				}
				return
			}
			wantLines(t, text, `rpcx_server_call_duration_seconds_bucket{method="M",service="S",le="0.001"} 1 # {trace_id="`+tt.want+`"} 0.001`)
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{
		Namespace: "shop", Labels: prometheus.Labels{"zone": "eu"}, Buckets: []float64{1},
	})
	call(o, rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: "M"}, rpcx.CallResult{Duration: time.Millisecond})
	text := scrape(t, o)
	wantLines(t, text, `shop_server_call_duration_seconds_bucket{method="M",service="S",zone="eu",le="1.0"} 1`)
	if n := strings.Count(text, "call_duration_seconds_bucket"); n != 2 {
		t.Errorf("%d buckets, want 2", n)
	}
}

func TestNamesAreGood(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	call(o, rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: "M"}, rpcx.CallResult{})
	call(o, rpcx.CallInfo{Side: rpcx.ClientSide, Service: "S", Method: "M", Attempt: 1}, rpcx.CallResult{})
	problems, err := testutil.CollectAndLint(o)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// What the client does about servers that fail is counted, for few services.
func TestEvents(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{MaxMethods: 2})
	var told rpcx.EventObserver = o
	for i := range 10 {
		told.ClientEvent(&rpcx.Event{Kind: rpcx.BreakerOpened, Service: fmt.Sprint("S", i), Method: "M", Server: fmt.Sprint("tcp@", i)})
	}
	told.ClientEvent(&rpcx.Event{Kind: rpcx.ServerReturned, Server: "tcp@a"})
	wantLines(t, scrape(t, o),
		`rpcx_client_events_total{event="circuit breaker opened",service="S0"} 1.0`,
		`rpcx_client_events_total{event="circuit breaker opened",service="other"} 8.0`,
		`rpcx_client_events_total{event="server returned",service=""} 1.0`,
	)
}

// What servers refuse is counted, whatever names it has.
func TestServerEvents(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	var told rpcx.ServerObserver = o
	for i := range 10 {
		told.ServerEvent(&rpcx.ServerEvent{Kind: rpcx.CallRefused, Service: fmt.Sprint("S", i), Err: rpcx.Errorf(rpcx.ResourceExhausted, "too fast")})
	}
	told.ServerEvent(&rpcx.ServerEvent{Kind: rpcx.CallRefused, Err: rpcx.Code(4711)})
	told.ServerEvent(&rpcx.ServerEvent{Kind: rpcx.HealthChanged, Service: "S"})
	text := scrape(t, o)
	wantLines(t, text,
		`rpcx_server_events_total{code="resource exhausted",event="call refused"} 10.0`,
		`rpcx_server_events_total{code="unknown",event="call refused"} 1.0`,
		`rpcx_server_events_total{code="ok",event="health changed"} 1.0`,
	)
	if n := strings.Count(text, "rpcx_server_events_total{"); n != 3 {
		t.Errorf("%d counters, want 3", n)
	}
}

func TestRetriesAreEvents(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	s := rpctest.NewServer(t)
	if err := s.RegisterFunctionName("Math", "Double", func(context.Context, *int, *int) error {
		return rpcx.Errorf(rpcx.Unavailable, "busy").NotExecuted()
	}, ""); err != nil {
		t.Fatal(err)
	}
	x := client.NewXClient("Math", client.Failtry, client.RandomSelect, s.Discovery(), s.Option(client.Option{
		Observer: o, Retries: 1, Logger: slog.New(slog.DiscardHandler),
	}))
	defer x.Close()
	_ = x.Call(t.Context(), "Double", new(int), new(int))
	wantLines(t, scrape(t, o),
		`rpcx_client_events_total{event="call retried",service="Math"} 1.0`,
		`rpcx_client_attempts_total{code="unavailable",method="Double",service="Math"} 2.0`,
		`rpcx_client_calls_total{code="unavailable",method="Double",service="Math"} 1.0`,
	)
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	o := rpcxprometheus.New(rpcxprometheus.Config{MaxMethods: 5})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				call(o, rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: fmt.Sprint(i % 10)}, rpcx.CallResult{})
			}
		})
	}
	wg.Wait()
	total := 0.0
	for line := range strings.Lines(scrape(t, o)) {
		var n float64
		if i := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, "rpcx_server_calls_total") {
			if _, err := fmt.Sscan(line[i:], &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	if total != 2000 {
		t.Errorf("counted %v calls, want 2000", total)
	}
}

func BenchmarkCall(b *testing.B) {
	o := rpcxprometheus.New(rpcxprometheus.Config{})
	info, result := &rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: "M"}, &rpcx.CallResult{Duration: time.Millisecond}
	for b.Loop() {
		o.CallEnd(o.CallStart(context.Background(), info), info, result)
	}
}
