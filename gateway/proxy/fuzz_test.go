// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// Whatever a client sends beside a call, the service sees nothing there that is the
// protocol's or the gateway's, and its connection goes on.
func FuzzDispatch(f *testing.F) {
	s := server.NewServer(server.WithLogger(quiet()))
	got := make(chan rpcx.Metadata, 1)
	err := s.HandleRaw("S", "M", func(_ context.Context, in, _ *protocol.Message) error {
		select {
		case got <- in.Metadata:
		default: // that of a call which was given up is there
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	<-s.Started()
	p, err := proxy.New(client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), ""), proxy.Config{
		Client:   client.Option{Logger: quiet()},
		Identify: func(*http.Request) (rpcx.Metadata, error) { return rpcx.Metadata{}, nil },
		Reserved: []string{"User"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = p.Close(); _ = s.Close(); <-served })

	f.Add(protocol.AppendPair(nil, "__rpcx_priority", "high"), uint8(0), []byte("x"))
	f.Add(protocol.AppendPair(protocol.AppendPair(nil, "user", "eve"), "USER", "eve"), uint8(1), []byte("\x1f\x8b"))
	f.Add(protocol.AppendPair(nil, "__ServerTimeout", "99999999999999999999"), uint8(7), []byte{})
	f.Add(protocol.AppendPair(nil, "X-FORWARDED-FOR", "1.1.1.1"), uint8(0), []byte(strings.Repeat("long", 1000)))
	f.Fuzz(func(t *testing.T, block []byte, compress uint8, payload []byte) {
		md, err := protocol.ParseMetadata(block)
		if err != nil {
			t.Skip("no metadata")
		}
		m := &protocol.Message{Service: "S", Method: "M", Metadata: md, Payload: payload}
		m.Compress = protocol.CompressType(compress % 8)
		_, err = p.Dispatch(t.Context(), rpcx.Peer{Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}}, m)
		select {
		case seen := <-got:
			for key := range seen.All() {
				switch {
				case key == "__AUTH", key == "__ServerTimeout":
				case strings.HasPrefix(key, "__"), strings.EqualFold(key, "user"), strings.EqualFold(key, "x-forwarded-for"):
					t.Errorf("key %q passes", key)
				}
			}
		default:
			if err == nil {
				t.Error("no call and no error")
			}
		}
		if n := len(s.Conns()); n > 1 {
			t.Errorf("%d connections", n)
		}
	})
}
