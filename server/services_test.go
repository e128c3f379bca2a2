// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

type listed struct{ N int }

type Listed struct{}

func (*Listed) Value(context.Context, ListedArgs, *map[string]int) error { return nil }
func (Listed) Twice(context.Context, *ListedArgs, *ListedArgs) error     { return nil }

type ListedArgs struct{ A int }

func listedFunc(context.Context, *ListedArgs, *[]byte) error         { return nil }
func listedRaw(_ context.Context, _, _ *protocol.Message) error      { return nil }
func (listed) Bound(context.Context, *ListedArgs, *ListedArgs) error { return nil }

// Services tells of everything, in order, and of the types that codecs see.
func TestServices(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	defer s.Close()
	for _, err := range []error{
		s.RegisterName("B", new(Listed), "weight=3"),
		s.RegisterFunction("B", listedFunc, ""),
		s.RegisterFunction("B", listed{}.Bound, ""),
		server.Handle(s, "A", "Literal", func(context.Context, *ListedArgs, *string) error { return nil }),
		server.Handle(s, "A", "Func", listedFunc),
		s.HandleRaw("A", "Raw", listedRaw),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	args, bytes, text, numbers := reflect.TypeFor[ListedArgs](), reflect.TypeFor[[]byte](), reflect.TypeFor[string](), reflect.TypeFor[map[string]int]()
	want := []rpcx.ServiceInfo{
		{Name: "A", Methods: []rpcx.MethodInfo{
			{Name: "Func", Args: args, Reply: bytes, Func: "server_test.listedFunc"},
			{Name: "Literal", Args: args, Reply: text, Func: ""},
			{Name: "Raw", Args: nil, Reply: nil, Func: "server_test.listedRaw"},
		}},
		{Name: "B", Metadata: "weight=3", Methods: []rpcx.MethodInfo{
			{Name: "Bound", Args: args, Reply: args, Func: "server_test.listed.Bound"},
			{Name: "Twice", Args: args, Reply: args, Func: "server_test.Listed.Twice"},
			{Name: "Value", Args: args, Reply: numbers, Func: "server_test.Listed.Value"},
			{Name: "listedFunc", Args: args, Reply: bytes, Func: "server_test.listedFunc"},
		}},
	}
	got := s.Services()
	if len(got) != 3 || !reflect.DeepEqual(got[:2], want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	health := got[2]
	if health.Name != server.HealthService || !health.Builtin || len(health.Methods) != 2 {
		t.Errorf("health is %+v", health)
	}
	if err := s.UnregisterAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.Services(); len(got) != 1 || got[0].Name != server.HealthService {
		t.Errorf("afterwards: %+v", got)
	}
}
