// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// serve serves Arith and Reflection.
func serve(t *testing.T, opts ...server.Option) *rpctest.Server {
	t.Helper()
	s := rpctest.NewServer(t, opts...)
	if err := errors.Join(reflection.Register(s), s.RegisterName("Arith", new(Arith), "")); err != nil {
		t.Fatal(err)
	}
	return s
}

// Every codec of a server carries the question and the answer.
func TestEveryCodec(t *testing.T) {
	t.Parallel()
	c := serve(t).Client(t, reflection.ServiceName, client.Option{})
	type ask struct {
		codec       protocol.SerializeType
		args, reply any
	}
	var (
		packed, jsonText string
		document         json.RawMessage
		bytes            []byte
		message          wrapperspb.StringValue
		descriptions     [3]reflection.Description
	)
	for name, a := range map[string]ask{
		"MessagePack":                     {protocol.MsgPack, "Arith", &packed},
		"JSON":                            {protocol.JSON, "Arith", &document},
		"raw":                             {protocol.SerializeNone, []byte("Arith"), &bytes},
		"Protocol Buffers":                {protocol.ProtoBuffer, wrapperspb.String("Arith"), &message},
		"MessagePack, a description":      {protocol.MsgPack, []byte("Arith"), &descriptions[0]},
		"JSON, a description":             {protocol.JSON, "Arith", &descriptions[1]},
		"Protocol Buffers, a description": {protocol.ProtoBuffer, wrapperspb.String("Arith"), &descriptions[2]},
	} {
		if err := c.Call(t.Context(), "Describe", a.args, a.reply, client.WithSerializeType(a.codec)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, got := range map[string]string{"JSON": string(document), "raw": string(bytes), "Protocol Buffers": message.Value} {
		if got != packed || !strings.HasPrefix(got, `{"services":[{"name":"Arith","methods":[{"name":"Mul"`) {
			t.Errorf("%s is\n%s\nMessagePack\n%s", name, got, packed)
		}
	}
	for i, d := range descriptions {
		if text, err := json.Marshal(d); err != nil || string(text) != packed {
			t.Errorf("description %d is %s, %v", i, text, err)
		}
	}
	if err := c.Call(t.Context(), "GetService", "Arith", &jsonText, client.WithSerializeType(protocol.JSON)); err != nil || !strings.Contains(jsonText, "type Arith struct{}") {
		t.Errorf("source in JSON: %q, %v", jsonText, err)
	}
}

// Nothing, in whatever form, asks for everything.
func TestOfAll(t *testing.T) {
	t.Parallel()
	c := serve(t).Client(t, reflection.ServiceName, client.Option{})
	const want = `{"services":[{"name":"Arith","methods":[{"name":"Mul"}]},` +
		`{"name":"Reflection","builtin":true,"methods":[{"name":"Describe"},{"name":"GetService"},{"name":"GetServices"},{"name":"List"}]},` +
		`{"name":"rpcx.Health","builtin":true,"methods":[{"name":"Check"},{"name":"Watch"}]}]}`
	for name, args := range map[string]any{"text": "", "nil": nil, "map": map[string]string{}, "struct": struct{ A int }{}} {
		for _, codec := range []protocol.SerializeType{protocol.JSON, protocol.MsgPack} {
			var reply reflection.Description
			err := c.Call(t.Context(), "List", args, &reply, client.WithSerializeType(codec))
			if got, _ := json.Marshal(reply); err != nil || string(got) != want {
				t.Errorf("%s in %s: %s, %v", name, codec, got, err)
			}
		}
	}
	for name, args := range map[string]any{"number": 1, "list": []string{"Arith"}} {
		for _, codec := range []protocol.SerializeType{protocol.JSON, protocol.MsgPack} {
			err := c.Call(t.Context(), "List", args, new(reflection.Description), client.WithSerializeType(codec))
			if !errors.Is(err, rpcx.InvalidArgument) {
				t.Errorf("%s in %s: %v", name, codec, err)
			}
		}
	}
}

// The text is for users' services, unless one asks for another by name.
func TestText(t *testing.T) {
	t.Parallel()
	c := serve(t).Client(t, reflection.ServiceName, client.Option{})
	var all, own string
	if err := c.Call(t.Context(), "GetServices", "anything", &all); err != nil || strings.Contains(all, "Reflection") || !strings.Contains(all, "type Arith struct") {
		t.Errorf("all: %s, %v", all, err)
	}
	if err := c.Call(t.Context(), "GetService", server.HealthService, &own); err != nil || !strings.Contains(own, "type rpcx_Health struct") {
		t.Errorf("health: %s, %v", own, err)
	}
	if err := c.Call(t.Context(), "GetService", "Nope", &own); !errors.Is(err, rpcx.NotFound) || err.Error() != "not found service Nope" {
		t.Errorf("unknown: %v", err)
	}
	if err := c.Call(t.Context(), "GetService", "", &own); !errors.Is(err, rpcx.InvalidArgument) {
		t.Errorf("no name: %v", err)
	}
}

// What a client may know is what it may call.
func TestAccess(t *testing.T) {
	t.Parallel()
	s := serve(t, server.WithAuth(func(_ context.Context, service, _, token string) error {
		if service == reflection.ServiceName && token != "secret" {
			return rpcx.Errorf(rpcx.PermissionDenied, "not for you")
		}
		return nil
	}))
	c := s.Client(t, reflection.ServiceName, client.Option{})
	for _, method := range []string{"Describe", "List", "GetService", "GetServices"} {
		var reply string
		if err := c.Call(t.Context(), method, "Arith", &reply); !errors.Is(err, rpcx.PermissionDenied) || reply != "" {
			t.Errorf("%s without a token: %q, %v", method, reply, err)
		}
	}
	c.Auth("secret")
	for _, method := range []string{"Describe", "List", "GetService", "GetServices"} {
		var reply string
		if err := c.Call(t.Context(), method, "Arith", &reply); err != nil || reply == "" {
			t.Errorf("%s with a token: %q, %v", method, reply, err)
		}
	}
}

// nobody permits nobody.
type nobody struct{}

func (nobody) Permits(net.Addr) bool { return false }

// The ways in over HTTP are no way round the lists.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts   []server.Option
		status int
	}{
		"open":        {nil, 200},
		"list":        {[]server.Option{server.WithAccess(nobody{})}, 403},
		"token":       {[]server.Option{server.WithAuth(func(context.Context, string, string, string) error { return rpcx.Unauthenticated })}, 401},
		"interceptor": {[]server.Option{server.WithInterceptor(rpcx.Interceptor{Unary: refuse})}, 409},
	} {
		s := server.NewServer(append(tt.opts, server.WithLogger(slog.New(slog.DiscardHandler)))...)
		if err := reflection.Register(s); err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(s.HTTPHandler())
		res, err := http.Post(web.URL+"/Reflection/List", "application/json", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != tt.status || (tt.status == 200) != strings.HasPrefix(string(body), `{"services":[`) {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
		web.Close()
		s.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

func refuse(rpcx.UnaryFunc) rpcx.UnaryFunc {
	return func(context.Context, *rpcx.Call) error { return rpcx.Errorf(rpcx.Aborted, "not now") }
}

// The service describes itself, and what is registered later.
func TestRegisteredLater(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.Client(t, reflection.ServiceName, client.Option{})
	if err := server.Handle(s.Server, "Late", "Echo", func(context.Context, *string, *string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var late, own reflection.Description
	if err := c.Call(t.Context(), "Describe", "Late", &late); err != nil || string(late.Services[0].Methods[0].Args) != `{"type":"string"}` {
		t.Errorf("%+v, %v", late, err)
	}
	if err := c.Call(t.Context(), "Describe", reflection.ServiceName, &own); err != nil || !own.Services[0].Builtin || len(own.Services[0].Methods) != 4 {
		t.Errorf("%+v, %v", own, err)
	}
	for _, m := range own.Services[0].Methods {
		if !reflect.DeepEqual(m.Codecs, []string{"json", "msgpack", "raw", "protobuf"}) {
			t.Errorf("%s: %v", m.Name, m.Codecs)
		}
	}
}

// Answers are made once for what is registered, and anew for something else.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.Client(t, reflection.ServiceName, client.Option{})
	ask := func(method, name string) (text string) {
		t.Helper()
		if err := c.Call(t.Context(), method, name, &text); err != nil {
			t.Error(err)
		}
		return text
	}
	first := map[string]string{}
	for _, method := range []string{"Describe", "List", "GetServices", "GetService"} {
		first[method] = ask(method, "Arith")
	}
	if first["Describe"] == first["List"] || first["GetServices"] != first["GetService"] {
		t.Errorf("%q", first)
	}
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			if i == 25 {
				if err := server.Handle(s.Server, "Arith", "Echo", func(context.Context, *string, *string) error { return nil }); err != nil {
					t.Error(err)
				}
			}
			if got := ask("Describe", "Arith"); got != first["Describe"] && !strings.Contains(got, `"Echo"`) {
				t.Errorf("%q", got)
			}
		})
	}
	calls.Wait()
	for method, text := range first {
		if got := ask(method, "Arith"); got == text || !strings.Contains(got, "Echo") {
			t.Errorf("%s after a registration: %q", method, got)
		}
	}
}
