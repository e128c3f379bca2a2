// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	realclient "github.com/smallnest/rpcx/client"
	realserver "github.com/smallnest/rpcx/server"
	realkcp "github.com/xtaci/kcp-go"

	"github.com/rpcx-go/rpcx/transport/kcp"
)

// Real rpcx has one table of what listens and one of what dials, for the whole program.
// What it does with its build tags kcp and quic, in files of a few lines each, is
// entered there by hand. Its servers are handed listeners that are open already where
// they do not tell that they listen (http, ws) or when they stop to (kcp, quic).

// extendRpcx enters them: servers look for listeners in prepared, by their addresses,
// and QUIC is r's.
func extendRpcx(prepared *sync.Map, r *relay) {
	take := func(_ *realserver.Server, address string) (net.Listener, error) {
		ln, ok := prepared.LoadAndDelete(address)
		if !ok {
			return nil, fmt.Errorf("nobody has prepared a listener for %s", address)
		}
		return ln.(net.Listener), nil
	}
	for _, scheme := range []string{"http", "ws", "wss", "kcp", "quic"} {
		realserver.RegisterMakeListener(scheme, take)
	}
	realclient.ConnFactories["kcp"] = dialKCP
	realclient.ConnFactories["quic"] = r.dial
}

// listenTCP returns the function with which real rpcx listens for HTTP.
func listenTCP(config *tls.Config) func() (net.Listener, error) {
	return func() (net.Listener, error) {
		if config == nil {
			return net.Listen("tcp", "127.0.0.1:0")
		}
		return tls.Listen("tcp", "127.0.0.1:0", config)
	}
}

// The shards of real rpcx over KCP.
const realDataShards, realParityShards = 10, 3

// kcpKey is the key of rpcx's public examples.
func kcpKey() []byte { return kcp.DeriveKey("rpcx-key", "rpcx-salt") }

func listenKCP() (net.Listener, error) {
	block, err := realkcp.NewAESBlockCrypt(kcpKey())
	if err != nil {
		return nil, err
	}
	return realkcp.ListenWithOptions("127.0.0.1:0", block, realDataShards, realParityShards)
}

func dialKCP(_ *realclient.Client, _, addr string) (net.Conn, error) {
	block, err := realkcp.NewAESBlockCrypt(kcpKey())
	if err != nil {
		return nil, err
	}
	return realkcp.DialWithOptions(addr, block, realDataShards, realParityShards)
}
