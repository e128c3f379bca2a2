// SPDX-License-Identifier: Apache-2.0

// Package server serves plain Go methods and functions to rpcx clients.
//
//	s := server.NewServer()
//	s.RegisterName("Arith", new(Arith), "")
//	s.Serve("tcp", ":8972")
//
// A method fits when it is exported and has the form
//
//	func (t *T) Name(ctx context.Context, args *Args, reply *Reply) error
//
// [Handle] registers a typed function that is called without reflection,
// [Server.HandleRaw] one that sees frames. A handler's context ends with the
// caller's deadline, when the caller cancels or disconnects, and at the end of a
// shutdown. Package rpcx reads the caller and its metadata from it.
//
// On TCP and TLS the same port answers HTTP and JSON-RPC, unless WithoutHTTP says
// otherwise; see HTTPHandler. Every call enters under the same rules, those of gateways
// through [Server.Dispatch].
//
// Everything a peer can make the server hold is bounded by [Limits]. A handler
// that panics ends its own call and nothing else.
//
// How a connection is served: one goroutine reads it, decodes and runs the
// handlers one after the other, and sends the replies of all the requests it found
// waiting in one write (turn.go). A handler that blocks loses the connection: the
// monitor (monitor.go) lets another goroutine go on reading, and methods that are
// slow are sent to a pool of goroutines from then on (method.go, workers.go).
package server
