// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// Programs read the names of the attributes: they must not change.
func TestAccessLogAttributes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		info   rpcx.CallInfo
		result rpcx.CallResult
		want   map[string]any
	}{
		{
			"success on a server",
			rpcx.CallInfo{Side: rpcx.ServerSide, Service: "Arith", Method: "Mul", Peer: rpcx.Peer{Addr: tcpAddr("192.0.2.1")}},
			rpcx.CallResult{Duration: time.Millisecond, RequestBytes: 10, ReplyBytes: 20},
			map[string]any{
				"level": "INFO", "msg": "call", "side": "server", "service": "Arith", "method": "Mul", "code": "ok",
				"duration": 1e6, "peer": "192.0.2.1:1234", "request_bytes": 10.0, "reply_bytes": 20.0,
			},
		},
		{
			"failure on a client",
			rpcx.CallInfo{Side: rpcx.ClientSide, Service: "Arith", Method: "Mul", Oneway: true},
			rpcx.CallResult{Err: rpcx.Errorf(rpcx.NotFound, "no such thing"), Duration: time.Second},
			map[string]any{
				"level": "WARN", "msg": "call", "side": "client", "service": "Arith", "method": "Mul", "code": "not found",
				"duration": 1e9, "oneway": true, "error": "no such thing",
			},
		},
		{
			"an error of no kind",
			rpcx.CallInfo{Side: rpcx.ServerSide, Service: "S", Method: "M"},
			rpcx.CallResult{Err: errors.New("no")},
			map[string]any{
				"level": "ERROR", "msg": "call", "side": "server", "service": "S", "method": "M", "code": "unknown",
				"duration": 0.0, "error": "no",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log lines
			o := middleware.AccessLog(middleware.AccessLogConfig{Logger: log.logger()})
			o.CallEnd(o.CallStart(t.Context(), &tt.info), &tt.info, &tt.result)
			got := log.take(t)
			if len(got) != 1 {
				t.Fatalf("%d lines", len(got))
			}
			delete(got[0], "time")
			for k, v := range tt.want {
				if got[0][k] != v {
					t.Errorf("%s = %v, want %v", k, got[0][k], v)
				}
			}
			if len(got[0]) != len(tt.want) {
				t.Errorf("got %v, want %v", got[0], tt.want)
			}
		})
	}
}

func TestAccessLogSample(t *testing.T) {
	t.Parallel()
	var log lines
	o := middleware.AccessLog(middleware.AccessLogConfig{Logger: log.logger(), Sample: 10})
	info := &rpcx.CallInfo{Side: rpcx.ServerSide}
	for i := range 100 {
		r := new(rpcx.CallResult)
		if i%4 == 3 {
			r.Err = rpcx.NotFound
		}
		o.CallEnd(t.Context(), info, r)
	}
	good, bad := 0, 0
	for _, line := range log.take(t) {
		if line["code"] == "ok" {
			good++
		} else {
			bad++
		}
	}
	if good != 8 || bad != 25 {
		t.Errorf("logged %d of 75 good and %d of 25 bad calls", good, bad)
	}
}

func TestAccessLogLevelAndMore(t *testing.T) {
	t.Parallel()
	var log lines
	type key struct{}
	o := middleware.AccessLog(middleware.AccessLogConfig{
		Logger: log.logger(),
		Level: func(code rpcx.Code) slog.Level {
			if code == 0 {
				return slog.LevelDebug - 1 // not enabled
			}
			return slog.LevelError
		},
		Attrs: func(ctx context.Context, info *rpcx.CallInfo) []slog.Attr {
			return []slog.Attr{slog.Any("who", ctx.Value(key{})), slog.String("tenant", info.Header.Get("tenant"))}
		},
	})
	ctx := context.WithValue(t.Context(), key{}, "ada")
	info := &rpcx.CallInfo{Header: rpcx.Pairs("tenant", "a")}
	o.CallEnd(ctx, info, &rpcx.CallResult{})
	o.CallEnd(ctx, info, &rpcx.CallResult{Err: rpcx.NotFound})
	got := log.take(t)
	if len(got) != 1 || got[0]["level"] != "ERROR" || got[0]["who"] != "ada" || got[0]["tenant"] != "a" {
		t.Errorf("logged %v", got)
	}
}

// Calls that others refuse are in the log, attempts only when asked for.
func TestAccessLogOnBothSides(t *testing.T) {
	t.Parallel()
	for _, attempts := range []bool{false, true} {
		var log lines
		o := middleware.AccessLog(middleware.AccessLogConfig{Logger: log.logger(), Attempts: attempts})
		s := rpctest.NewServer(t, server.WithObserver(o),
			server.WithAuth(middleware.Auth(middleware.AuthConfig{
				Identify: as, Allow: map[string][]string{"Arith.Mul": {"ada"}}, Logger: quiet(),
			})),
			server.WithInterceptor(middleware.RateLimit(middleware.RateLimitConfig{Rate: 0.001, Burst: 1, Logger: quiet()})))
		if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
			t.Fatal(err)
		}
		x := s.Client(t, "Arith", client.Option{Observer: o})
		for _, who := range []string{"ada", "ada", "eve"} {
			x.Auth(who)
			_ = x.Call(t.Context(), "Mul", &Args{6, 7}, new(Reply))
		}
		var got []string
		for _, line := range log.take(t) {
			text := line["side"].(string) + " " + line["code"].(string)
			if n, ok := line["attempt"]; ok {
				if n != 1.0 {
					t.Errorf("attempt %v", n)
				}
				text += " attempt"
			}
			got = append(got, text)
		}
		var want []string
		for _, code := range []string{"ok", "resource exhausted", "permission denied"} {
			want = append(want, "server "+code)
			if attempts {
				want = append(want, "client "+code+" attempt")
			}
			want = append(want, "client "+code)
		}
		if !slices.Equal(got, want) {
			t.Errorf("attempts %v: logged %q, want %q", attempts, got, want)
		}
	}
}
