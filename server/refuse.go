// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"net"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/adaptive"
	"github.com/rpcx-go/rpcx/internal/notice"
)

// herald tells what the server does to protect itself: it counts it, logs a line a
// second at most, and tells the observer.
type herald struct {
	server   *Server
	observer rpcx.ServerObserver // nil: none

	conns, calls, expired *notice.Notice
}

func (h *herald) init(s *Server) {
	h.server = s
	h.observer, _ = s.config.observer.(rpcx.ServerObserver)
	h.conns = notice.New(s.logger, "connections refused")
	h.calls = notice.New(s.logger, "calls refused")
	h.expired = notice.New(s.logger, "calls expired before they could run")
}

func (h *herald) tell(e *rpcx.ServerEvent) {
	if h.observer != nil {
		h.server.guard("an observer", func() { h.observer.ServerEvent(e) })
	}
}

// refuseConn closes a connection that the server does not want.
func (h *herald) refuseConn(nc net.Conn, network string, why error) {
	_ = nc.Close() // nothing was said on it
	h.turnedAway(rpcx.Peer{Network: network, Addr: nc.RemoteAddr(), Local: nc.LocalAddr()}, why)
}

// turnedAway notes that a peer was not let in.
func (h *herald) turnedAway(peer rpcx.Peer, why error) {
	h.server.stats.refusedConns.Add(1)
	h.conns.Warn(context.Background(), slog.Any("peer", peer.Addr), slog.Any("error", why))
	h.tell(&rpcx.ServerEvent{Kind: rpcx.ConnRefused, Peer: peer, Err: why})
}

// refused notes that a call is not executed, and returns why.
func (h *herald) refused(in *inbound, why error) error {
	service, method := in.registered()
	h.server.stats.refusedCalls.Add(1)
	h.calls.Warn(context.Background(), called(service, method), slog.Any("peer", in.call.Peer.Addr), slog.Any("error", why))
	h.tell(&rpcx.ServerEvent{Kind: rpcx.CallRefused, Service: service, Method: method, Peer: in.call.Peer, Err: why})
	return why
}

// refusedBody notes that calls over HTTP are not executed because there is no room for them.
func (h *herald) refusedBody(peer rpcx.Peer, why error) {
	h.server.stats.refusedCalls.Add(1)
	h.calls.Warn(context.Background(), slog.Any("peer", peer.Addr), slog.Any("error", why))
	h.tell(&rpcx.ServerEvent{Kind: rpcx.CallRefused, Peer: peer, Err: why})
}

// missed notes that a call is not executed because it waited too long.
func (h *herald) missed(in *inbound, why error) error {
	service, method := in.registered()
	h.server.stats.expiredCalls.Add(1)
	h.expired.Warn(context.Background(), called(service, method), slog.Any("peer", in.call.Peer.Addr))
	h.tell(&rpcx.ServerEvent{Kind: rpcx.CallExpired, Service: service, Method: method, Peer: in.call.Peer, Err: why})
	return why
}

// limited tells of a change of the limit of a method.
func (h *herald) limited(m *method, change adaptive.Change) {
	switch change {
	case adaptive.Set:
		h.server.logger.Warn("calls run out of time: concurrency limit set", called(m.service, m.name), slog.Int("limit", m.limit.Limit()))
		h.tell(&rpcx.ServerEvent{Kind: rpcx.LimitSet, Service: m.service, Method: m.name})
	case adaptive.Lifted:
		h.server.logger.Info("concurrency limit lifted", called(m.service, m.name))
		h.tell(&rpcx.ServerEvent{Kind: rpcx.LimitLifted, Service: m.service, Method: m.name})
	case adaptive.None:
	}
}

// called says which call a line is about.
func called(service, name string) slog.Attr { return slog.String("method", service+"."+name) }
