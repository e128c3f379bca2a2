// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

func TestAliasNames(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"Calc.Multiply":  "Arith.Mul",
		"Old.*":          "Arith.*",
		"Old.Times":      "Arith.Mul",
		"pkg.v1.Arith.*": "Arith",
		"Any":            "Arith.Mul",
	}
	route := middleware.Alias(names).Route
	clear(names) // it was read once
	tests := []struct{ service, method, wantService, wantMethod string }{
		{"Calc", "Multiply", "Arith", "Mul"},
		{"Calc", "Divide", "Calc", "Divide"},
		{"Old", "Mul", "Arith", "Mul"},
		{"Old", "Times", "Arith", "Mul"},
		{"pkg.v1.Arith", "Fail", "Arith", "Fail"},
		{"Any", "thing", "Arith", "Mul"},
		{"Arith", "Mul", "Arith", "Mul"},
		{"", "", "", ""},
	}
	for _, tt := range tests {
		if service, method := route(tt.service, tt.method); service != tt.wantService || method != tt.wantMethod {
			t.Errorf("%s.%s is %s.%s, want %s.%s", tt.service, tt.method, service, method, tt.wantService, tt.wantMethod)
		}
	}
}

// R12: the reply to a call of an alias carries the name that was called, and errors
// name it.
func TestR12_AliasReplyCarriesTheCalledName(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t, server.WithInterceptor(middleware.Alias(map[string]string{"Calc.Multiply": "Arith.Mul", "Calc.Fail": "Arith.Fail"})))
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		t.Fatal(err)
	}
	c := s.Dial(t, client.Option{})
	ask := func(method, payload string) (*protocol.Message, error) {
		m := &protocol.Message{Service: "Calc", Method: method, Payload: []byte(payload)}
		m.Serialize = protocol.JSON
		return c.SendRaw(t.Context(), m)
	}
	for _, method := range []string{"Multiply", "Fail", "Missing"} {
		reply, err := ask(method, `{"A":6,"B":7}`)
		if reply == nil {
			t.Fatalf("%s: no reply: %v", method, err)
		}
		if reply.Service != "Calc" || reply.Method != method {
			t.Errorf("the reply to Calc.%s is from %s.%s", method, reply.Service, reply.Method)
		}
		if method == "Multiply" && string(reply.Payload) != `{"C":42}` {
			t.Errorf("reply %s, %v", reply.Payload, err)
		}
	}
	if _, err := ask("Multiply", `{`); rpcx.CodeOf(err) != rpcx.InvalidArgument || !strings.Contains(err.Error(), "Calc.Multiply") {
		t.Errorf("error %v does not name what was called", err)
	}
}

func TestAliasYieldsToWhatIsRegistered(t *testing.T) {
	t.Parallel()
	x := rpctest.Serve(t, "Arith", new(Arith), server.WithInterceptor(middleware.Alias(map[string]string{"Arith.Mul": "Arith.Fail"})))
	reply := new(Reply)
	if err := x.Call(t.Context(), "Mul", &Args{6, 7}, reply); err != nil || reply.C != 42 {
		t.Errorf("%d, %v", reply.C, err)
	}
}
