// SPDX-License-Identifier: Apache-2.0

// Package proxy is a gateway that stands by itself: what speaks HTTP calls services by it
// that a resolver finds.
//
//	gw, err := proxy.New(client.Failover, client.RandomSelect, resolver, proxy.Config{})
//	err = gw.Serve(ln)
//
// Requests have the forms that a server takes on its own port: rpcx's headers with a
// payload of any codec, JSON at /{service}/{method} (package gateway), and JSON-RPC
// (package jsonrpc). Payloads pass as they are, deadlines shrink on the way, a client that
// leaves cancels its call, and errors come back as the server's own port writes them.
//
// A [Proxy] keeps nothing that a call needs later: any number of them may stand side by
// side. It may face strangers. What they cost is bounded, whatever names they make up;
// pages in browsers call only from origins that are allowed; metadata of the protocol's
// own does not pass; and of what is behind it they learn what services say.
package proxy
