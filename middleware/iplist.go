// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/notice"
	"github.com/rpcx-go/rpcx/internal/peerip"
)

// IPListConfig configures NewIPList.
type IPListConfig struct {
	// Allow is who may call. Default, for an empty list: everybody.
	Allow []netip.Prefix
	// Block is who may not, even if allowed. Default: nobody.
	Block []netip.Prefix
	// Logger takes a warning when peers are refused. Default slog.Default().
	Logger *slog.Logger
}

// IPList lets peers in by their IP addresses. A peer without one, as on a Unix socket,
// is let in only while Allow is empty. Its methods may be called concurrently.
type IPList struct {
	lists   atomic.Pointer[ipLists]
	refused *notice.Notice
}

type ipLists struct{ allow, block []netip.Prefix }

// NewIPList makes a list.
func NewIPList(config IPListConfig) *IPList {
	l := &IPList{refused: newNotice(config.Logger, "peers refused by their address")}
	l.Set(config.Allow, config.Block)
	return l
}

// Set replaces both lists. It holds for the next call and the next connection.
func (l *IPList) Set(allow, block []netip.Prefix) {
	l.lists.Store(&ipLists{allow: masked(allow), block: masked(block)})
}

// masked copies a list, with IPv4 networks that are written as IPv6 made IPv4.
func masked(list []netip.Prefix) []netip.Prefix {
	list = slices.Clone(list)
	for i, p := range list {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			list[i] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
	}
	return list
}

// Permits reports whether a peer may come in.
func (l *IPList) Permits(addr net.Addr) bool {
	lists := l.lists.Load()
	ip, ok := peerip.Of(addr)
	if !ok {
		return len(lists.allow) == 0
	}
	covers := func(p netip.Prefix) bool { return p.Contains(ip.WithZone("")) }
	return !slices.ContainsFunc(lists.block, covers) &&
		(len(lists.allow) == 0 || slices.ContainsFunc(lists.allow, covers))
}

// Interceptor refuses the calls of other peers with PermissionDenied. They did not
// run. It works for connections that were open before a change of the lists as well.
func (l *IPList) Interceptor() rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			if l.Permits(c.Peer.Addr) {
				return next(ctx, c)
			}
			l.refused.Warn(ctx, called(c.Service, c.Method), slog.Any("peer", c.Peer.Addr))
			return refusal(c, rpcx.PermissionDenied, "address list: %v may not call", c.Peer.Addr)
		}
	}}
}

// Listener returns a listener, for server.ServeListener, that closes the connections
// of other peers before a byte is read.
func (l *IPList) Listener(ln net.Listener) net.Listener { return ipListener{ln, l} }

type ipListener struct {
	net.Listener
	list *IPList
}

// Accept implements net.Listener.
func (l ipListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || l.list.Permits(conn.RemoteAddr()) {
			return conn, err
		}
		l.list.refused.Warn(context.Background(), slog.Any("peer", conn.RemoteAddr()))
		_ = conn.Close() // nothing was said on it
	}
}
