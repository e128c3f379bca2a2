// SPDX-License-Identifier: Apache-2.0

// Package client calls services.
//
//	d := client.NewPeer2PeerDiscovery("tcp@127.0.0.1:8972", "")
//	xclient := client.NewXClient("Arith", client.Failtry, client.RandomSelect, d, client.DefaultOption)
//	defer xclient.Close()
//	err := xclient.Call(ctx, "Mul", args, reply)
//
// There are three types, each one idea: [Conn] is one connection with many calls in
// flight; [Client] finds the servers of any number of services, keeps connections to
// them and decides where a call goes and whether it is tried again; [XClient] is a
// Client bound to the name of one service. [Invoke] makes calls with typed replies.
//
// A Client keeps away from servers that fail, by circuit breakers and by ejecting those
// that do worse than others, and bounds its retries by a budget. Its [FailMode] says
// what a failed attempt leads to; Broadcast, Fork and Inform call all servers at once.
//
// All are safe for concurrent use, and one of each is enough for a program: calls
// of any number of goroutines share a connection. Contexts rule: their deadline
// travels to the server, and canceling one frees the call at once and stops its
// handler. Errors are *rpcx.Error.
package client
