// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"strings"
	"testing"

	realclient "github.com/smallnest/rpcx/client"
	realprotocol "github.com/smallnest/rpcx/protocol"
	realreflection "github.com/smallnest/rpcx/reflection"
	realserver "github.com/smallnest/rpcx/server"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

// Small is what is described.
type Small struct{}

// SmallArgs and SmallReply are its types.
type (
	SmallArgs  struct{ A, B int }
	SmallReply struct{ C int }
)

// Mul multiplies.
func (*Small) Mul(_ context.Context, args *SmallArgs, reply *SmallReply) error {
	reply.C = args.A * args.B
	return nil
}

// TestTheirClientReadsOurReflection lists our services as a tool made for rpcx does.
func TestTheirClientReadsOurReflection(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	if err := s.RegisterName("Small", new(Small), ""); err != nil {
		t.Fatal(err)
	}
	if err := reflection.Register(s); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	defer func() {
		s.Close()
		<-served
	}()
	<-s.Started()
	for _, codec := range []realprotocol.SerializeType{realprotocol.MsgPack, realprotocol.JSON} {
		d, err := realclient.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
		if err != nil {
			t.Fatal(err)
		}
		opt := realclient.DefaultOption
		opt.SerializeType = codec
		x := realclient.NewXClient("Reflection", realclient.Failfast, realclient.RandomSelect, d, opt)
		var all, one string
		if err := x.Call(t.Context(), "GetServices", "", &all); err != nil {
			t.Errorf("%v: %v", codec, err)
		}
		if err := x.Call(t.Context(), "GetService", "Small", &one); err != nil || one != all {
			t.Errorf("%v: %q and %q, %v", codec, one, all, err)
		}
		for _, want := range []string{
			"package main\n", "type Small struct{}\n", "type SmallArgs struct {\n\tA int\n\tB int\n}\n", "type SmallReply struct {\n\tC int\n}\n",
			"Mul(ctx context.Context, args *SmallArgs, reply *SmallReply) error {\n\treturn nil\n}\n",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("%v: it lacks %q:\n%s", codec, want, all)
			}
		}
		if err := x.Call(t.Context(), "GetService", "Nope", &one); err == nil || err.Error() != "not found service Nope" {
			t.Errorf("%v: an unknown service: %v", codec, err)
		}
		x.Close()
	}
}

// TestOurClientReadsTheirReflection gets the text of a real server's plugin.
func TestOurClientReadsTheirReflection(t *testing.T) {
	t.Parallel()
	s := realserver.NewServer()
	s.HandleServiceError = func(error) {} // else each goes to the log
	plugin := realreflection.New()
	s.Plugins.Add(plugin)
	for name, rcvr := range map[string]any{"Small": new(Small), "Reflection": plugin} {
		_ = s.RegisterName(name, rcvr, "") // the plugin has methods that do not fit
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("tcp", "127.0.0.1:0") }()
	defer func() {
		_ = s.Close()
		<-ended
	}()
	<-s.Started
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient(reflection.ServiceName, client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	for _, codec := range []protocol.SerializeType{protocol.MsgPack, protocol.JSON} {
		var all, one string
		if err := x.Call(t.Context(), "GetServices", "", &all, client.WithSerializeType(codec)); err != nil || !strings.Contains(all, "type Small struct{}") {
			t.Errorf("%s: %q, %v", codec, all, err)
		}
		if err := x.Call(t.Context(), "GetService", "Small", &one, client.WithSerializeType(codec)); err != nil || !strings.Contains(one, "Mul(ctx context.Context, arg *SmallArgs, reply *SmallReply) error") {
			t.Errorf("%s: %q, %v", codec, one, err)
		}
		if err := x.Call(t.Context(), "GetService", "Nope", &one, client.WithSerializeType(codec)); err == nil || err.Error() != "not found service Nope" {
			t.Errorf("%s: an unknown service: %v", codec, err)
		}
		// What is ours alone is missed in a way that a program can tell.
		if err := x.Call(t.Context(), "Describe", "", new(reflection.Description), client.WithSerializeType(codec)); rpcx.CodeOf(err) != rpcx.Unimplemented {
			t.Errorf("%s: Describe: %v, code %v", codec, err, rpcx.CodeOf(err))
		}
	}
}
