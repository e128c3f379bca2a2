// SPDX-License-Identifier: Apache-2.0

package rpcxotel

import (
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/rpcx-go/rpcx"
)

// What the conventions have no names for.
const (
	attemptKey = attribute.Key("rpcx.attempt")
	onewayKey  = attribute.Key("rpcx.oneway")
)

func fullMethod(info *rpcx.CallInfo) string { return info.Service + "/" + info.Method }

func startAttributes(info *rpcx.CallInfo) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, 10)
	all = append(all, semconv.RPCSystemNameKey.String("rpcx"), semconv.RPCMethod(fullMethod(info)))
	if info.Attempt > 0 {
		all = append(all, attemptKey.Int(info.Attempt))
	}
	if info.Oneway {
		all = append(all, onewayKey.Bool(true))
	}
	return append(all, peerAttributes(info)...)
}

// peerAttributes says who the other end is, as far as that is known.
func peerAttributes(info *rpcx.CallInfo) []attribute.KeyValue {
	if info.Peer.Addr == nil {
		return nil
	}
	host, port := split(info.Peer.Addr)
	all := []attribute.KeyValue{semconv.NetworkPeerAddress(host)}
	if info.Side == rpcx.ServerSide {
		all = append(all, semconv.ClientAddress(host))
	} else {
		all = append(all, semconv.ServerAddress(host))
	}
	if port > 0 {
		all = append(all, semconv.NetworkPeerPort(port))
		if info.Side == rpcx.ServerSide {
			all = append(all, semconv.ClientPort(port))
		} else {
			all = append(all, semconv.ServerPort(port))
		}
	}
	switch network := info.Peer.Network; {
	case strings.HasPrefix(network, "tcp"), network == "reuseport":
		all = append(all, semconv.NetworkTransportTCP)
	case network == "unix":
		all = append(all, semconv.NetworkTransportUnix)
	case network == "quic":
		all = append(all, semconv.NetworkTransportQUIC)
	}
	return all
}

// split returns the parts of an address; one without a port is a host as a whole.
func split(addr net.Addr) (host string, port int) {
	host, text, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String(), 0
	}
	if port, err = strconv.Atoi(text); err != nil {
		return host, 0
	}
	return host, port
}

func endAttributes(code rpcx.Code) []attribute.KeyValue {
	name := statusName(code)
	all := []attribute.KeyValue{semconv.RPCResponseStatusCode(name)}
	if code != 0 {
		all = append(all, semconv.ErrorTypeKey.String(name))
	}
	return all
}

func measureAttributes(info *rpcx.CallInfo, code rpcx.Code) []attribute.KeyValue {
	return append(endAttributes(code), semconv.RPCSystemNameKey.String("rpcx"), semconv.RPCMethod(fullMethod(info)))
}

// statusName returns gRPC's name of a code, in its spelling. A peer chooses the number:
// one without a name is UNKNOWN.
func statusName(code rpcx.Code) string {
	switch {
	case code == 0:
		return "OK"
	case code == rpcx.Canceled:
		return "CANCELLED"
	case code > rpcx.Unauthenticated:
		code = rpcx.Unknown
	}
	return strings.ToUpper(strings.ReplaceAll(code.String(), " ", "_"))
}

// isServersFault reports whether a code is an error of the server that returns it; the
// others tell the caller about the caller, and are no errors of the server's span.
func isServersFault(code rpcx.Code) bool {
	switch code {
	case rpcx.Canceled, rpcx.InvalidArgument, rpcx.NotFound, rpcx.AlreadyExists, rpcx.PermissionDenied,
		rpcx.ResourceExhausted, rpcx.FailedPrecondition, rpcx.Aborted, rpcx.OutOfRange, rpcx.Unauthenticated:
		return false
	default:
		return true
	}
}
