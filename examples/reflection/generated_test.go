// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/examples/internal/arithpb"
	"github.com/rpcx-go/rpcx/examples/internal/ariththrift"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

// Generated code says more of a type than Go does.
func TestGeneratedTypes(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	defer s.Close()
	err := errors.Join(
		server.Handle(s, "Arith", "MulPB", func(context.Context, *arithpb.Args, *arithpb.Reply) error { return nil }),
		server.Handle(s, "Arith", "MulThrift", func(context.Context, *ariththrift.Numbers, *ariththrift.Number) error { return nil }),
	)
	if err != nil {
		t.Fatal(err)
	}
	arith := reflection.Describe(s.Services(), nil).Services[0]
	for i, want := range []struct{ codecs, def, says string }{
		{"json msgpack protobuf", "arithpb.Args", `"x-msgpack-name":"A","x-protobuf-number":1,"x-protobuf-type":"varint"`},
		{"json msgpack thrift", "ariththrift.Numbers", `"x-msgpack-name":"A","x-thrift-id":"1"`},
	} {
		m := arith.Methods[i]
		if got := strings.Join(m.Codecs, " "); got != want.codecs {
			t.Errorf("%s: codecs %s, want %s", m.Name, got, want.codecs)
		}
		if got := string(arith.Defs[want.def]); !strings.Contains(got, want.says) {
			t.Errorf("%s: %s does not say %s", m.Name, got, want.says)
		}
	}
	if got := string(arith.Defs["arithpb.Args"]); !strings.Contains(got, `"x-protobuf-message":"arith.Args"`) {
		t.Errorf("%s", got)
	}
}
