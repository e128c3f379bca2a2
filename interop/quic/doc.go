// SPDX-License-Identifier: Apache-2.0

// Package quic proves that our QUIC and that of real rpcx understand each other. Real
// rpcx compiles, by its build tag quic, with a version of quic-go that ours cannot be
// built with, so it runs in a program of its own, testdata/peer, which the tests build.
package quic
