// SPDX-License-Identifier: Apache-2.0

// Package rpcxprometheus measures the calls and connections of servers and clients for
// Prometheus. An Observer is a prometheus.Collector as well:
//
//	metrics := rpcxprometheus.New(rpcxprometheus.Config{})
//	prometheus.MustRegister(metrics)
//	s := server.NewServer(server.WithObserver(metrics))
//
// One serves any number of servers and clients. The metrics are these, with "client"
// for "server" on the other side:
//
//	rpcx_server_calls_total                 service, method, code
//	rpcx_server_call_duration_seconds       service, method; histogram
//	rpcx_server_calls_in_flight             service, method
//	rpcx_server_request_bytes_total         service, method
//	rpcx_server_reply_bytes_total           service, method
//	rpcx_server_connections                 network
//	rpcx_server_connections_opened_total    network
//	rpcx_client_attempts_total              service, method, code
//	rpcx_client_events_total                service, event
//	rpcx_server_events_total                event, code
//
// The code is "ok" or a name of rpcx.Code. On a client a call is what its caller sees,
// and an attempt each time that it is sent; bytes are those of attempts. Events are the
// kinds of rpcx.Event and rpcx.ServerEvent, in words. Calls that auth or an interceptor refuses are counted
// like any other.
//
// What strangers send does not become a label: servers tell observers only of methods
// that exist, and the number of methods is bounded besides.
package rpcxprometheus
