// SPDX-License-Identifier: Apache-2.0

// Package rpcxotel traces and measures calls with OpenTelemetry. An Observer works on
// both sides:
//
//	tracing := rpcxotel.New(rpcxotel.Config{})
//	s := server.NewServer(server.WithObserver(tracing))
//	x := client.NewXClient(..., client.Option{Observer: tracing})
//
// A client has a span for each call, of kind internal, and in it one of kind client for
// each attempt; a call on a single client.Conn is an attempt alone. The context of the
// attempt travels in the metadata as W3C Trace Context says, "traceparent" and
// "tracestate", and the server's span is its child. Handlers find that span in their
// context, so the calls that they make continue the trace. Calls that auth or an
// interceptor refuses have spans as well.
//
// Names are those of the semantic conventions for RPC. Spans are called
// "Service/Method" and carry
//
//	rpc.system.name             "rpcx"
//	rpc.method                  "Service/Method"
//	rpc.response.status_code    "OK" or gRPC's name of a code, such as "NOT_FOUND"
//	error.type                  the same, for calls that failed
//	server.address, server.port or, on a server, client.address, client.port
//	network.transport, network.peer.address, network.peer.port
//	rpcx.attempt                number of the attempt, from 1
//	rpcx.oneway                 true, for one-way calls
//
// The histograms rpc.client.call.duration, of calls as their callers see them, and
// rpc.server.call.duration count seconds. Arguments, replies and metadata are recorded
// nowhere.
package rpcxotel
