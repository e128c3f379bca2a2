// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// What an AuthFunc returns is what the caller gets; the call did not run.
func TestAuthErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		text string
		code rpcx.Code
	}{
		{"a plain error", errors.New("no"), "no", rpcx.Unauthenticated},
		{"an Error", rpcx.Errorf(rpcx.PermissionDenied, "no"), "no", rpcx.PermissionDenied},
		{"a wrapped plain error", fmt.Errorf("policy: %w", errors.New("no")), "policy: no", rpcx.Unauthenticated},
		{"a code", rpcx.PermissionDenied, "permission denied", rpcx.PermissionDenied},
		{"a wrapped code", fmt.Errorf("policy: %w", rpcx.ResourceExhausted), "policy: resource exhausted", rpcx.ResourceExhausted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := inMemory(t, server.WithAuth(func(context.Context, string, string, string) error { return c.err }))
			w.handle("never", func(context.Context, *Args, *Reply) error {
				t.Error("the call ran")
				return nil
			})
			got := w.dial(t).call(request("S", "never", `{}`))
			if errorText(got) != c.text || errorCode(got) != strconv.Itoa(int(c.code)) || got.Metadata.Get("__rpcx_not_executed") != "1" {
				t.Errorf("answered with %v, want %q, %d, not executed", got.Metadata.Map(), c.text, c.code)
			}
		})
	}
}

// The token arrives as it was set, "" if it was not, and with each call anew.
func TestAuthToken(t *testing.T) {
	t.Parallel()
	var token, name atomic.Value
	w := inMemory(t, server.WithAuth(func(ctx context.Context, service, method, tok string) error {
		token.Store(tok)
		name.Store(service + " " + method)
		if p, ok := rpcx.PeerFrom(ctx); !ok || p.Network != "mem" || rpcx.IncomingMetadata(ctx).Get("k") != "v" {
			return errors.New("the context is not that of the call")
		}
		return nil
	})).arith()
	x := w.client(t, "Arith", client.DefaultOption)
	for _, tok := range []string{"", "bearer TOKEN", "\x00 \xff", ""} {
		x.Auth(tok)
		err := x.Call(t.Context(), "Mul", &Args{}, &Reply{}, client.WithMetadata(rpcx.Pairs("k", "v")))
		if err != nil || token.Load() != tok || name.Load() != "Arith Mul" {
			t.Errorf("%q: asked about %q for %q, %v", tok, token.Load(), name.Load(), err)
		}
	}
}

// Nothing is done for a caller that is not allowed in: neither is its payload
// decompressed or decoded, nor is it told what there is.
func TestAuthComesFirst(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	w := inMemory(t, server.WithCodec(panickyCodec{}), server.WithAuth(func(_ context.Context, service, method, _ string) error {
		asked <- service + "." + method
		return errors.New("no")
	})).arith()
	p := w.dial(t)
	for name, change := range map[string]func(m *protocol.Message){
		"a codec that panics": func(m *protocol.Message) { m.Serialize = 9 },
		"an unknown codec":    func(m *protocol.Message) { m.Serialize = 12 },
		"no gzip":             func(m *protocol.Message) { m.Compress = protocol.Gzip },
		"unknown compressor":  func(m *protocol.Message) { m.Compress = 6 },
		"rubbish":             func(m *protocol.Message) { m.Payload = []byte("{{{") },
		"an expired deadline": func(m *protocol.Message) { m.Metadata = m.Metadata.With("__ServerTimeout", "0") },
		"unknown service":     func(m *protocol.Message) { m.Service = "Nope" },
		"unknown method":      func(m *protocol.Message) { m.Method = "Nope" },
	} {
		m := request("Arith", "Mul", `{}`)
		change(m)
		got := p.call(m)
		if errorText(got) != "no" || errorCode(got) != "16" {
			t.Errorf("%s: answered with %v", name, got.Metadata.Map())
			continue
		}
		if name := <-asked; name != m.Service+"."+m.Method {
			t.Errorf("asked about %s, want %s.%s", name, m.Service, m.Method)
		}
	}
	if n := w.Stats().Panics; n != 0 {
		t.Errorf("%d panics: something was decoded", n)
	}
}

// None of the ways in passes authentication by.
func TestNoWayRoundAuth(t *testing.T) {
	t.Parallel()
	var ran atomic.Int64
	w := inMemory(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "right" {
			return errors.New("no")
		}
		return nil
	}))
	w.handle("count", func(context.Context, *Args, *Reply) error {
		ran.Add(1)
		return nil
	})
	if err := w.HandleRaw("S", "raw", func(context.Context, *protocol.Message, *protocol.Message) error {
		ran.Add(1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	change := map[string]func(m *protocol.Message){
		"no token":            func(*protocol.Message) {},
		"an empty token":      func(m *protocol.Message) { with(m, "__AUTH", "") },
		"a wrong token":       func(m *protocol.Message) { with(m, "__AUTH", "wrong") },
		"another case":        func(m *protocol.Message) { with(m, "__auth", "right") },
		"a blank":             func(m *protocol.Message) { with(m, "__AUTH", "right ") },
		"the last one counts": func(m *protocol.Message) { with(m, "__AUTH", "right", "__AUTH", "wrong") },
		"in the payload":      func(m *protocol.Message) { m.Payload = []byte(`{"__AUTH":"right"}`) },
		"one-way":             func(m *protocol.Message) { m.Oneway = true },
		"response":            func(m *protocol.Message) { m.Type = protocol.Response },
		"heartbeat":           func(m *protocol.Message) { m.Heartbeat = true },
		"heartbeat, one-way":  func(m *protocol.Message) { m.Heartbeat, m.Oneway = true, true },
		"response to one-way": func(m *protocol.Message) { m.Type, m.Oneway = protocol.Response, true },
		"raw":                 func(m *protocol.Message) { m.Method = "raw" },
		"raw, one-way":        func(m *protocol.Message) { m.Method, m.Oneway = "raw", true },
		"status and versions": func(m *protocol.Message) { m.Status, m.Version, m.Reserved = 3, 255, 15 },
		"after a hello":       func(m *protocol.Message) {},
		"on another's heels":  func(m *protocol.Message) {},
	}
	for name, f := range change {
		p := w.dial(t)
		m := request("S", "count", `{}`)
		f(m)
		switch name {
		case "after a hello":
			p.hello()
		case "on another's heels":
			p.call(with(request("S", "count", `{}`), "__AUTH", "right"))
			ran.Add(-1)
		}
		p.send(m)
		last := with(request("S", "count", `{}`), "__AUTH", "wrong")
		last.Seq = 99
		p.send(last)
		for {
			got := p.receive()
			if !got.Heartbeat && errorText(got) != "no" {
				t.Errorf("%s: answered with %v", name, got.Metadata.Map())
			}
			if got.Seq == 99 {
				break
			}
		}
		if n := ran.Load(); n != 0 {
			t.Fatalf("%s: the call ran", name)
		}
	}
	good := with(request("S", "count", `{}`), "__AUTH", "right")
	if got := w.dial(t).call(good); errorText(got) != "" || ran.Load() != 1 {
		t.Errorf("with the right token: %v, ran %d times", got.Metadata.Map(), ran.Load())
	}
}
