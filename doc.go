// SPDX-License-Identifier: Apache-2.0

// Package rpcx is the vocabulary that clients and servers share: [Call], [Metadata],
// [Code] and [Error], [Interceptor], [Observer] and [Peer].
//
// A service is a plain Go type; see package server. Calling one starts in package
// client. The frame on the wire is package protocol. This package holds no
// machinery: it is what user code on both sides is written against.
package rpcx
