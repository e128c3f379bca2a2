// SPDX-License-Identifier: Apache-2.0

// Package callctx holds the context key under which a handler's context answers
// for the call it belongs to. It is its own package so that the vocabulary can read
// what the server provides without either knowing the other.
package callctx

// Key is the context key of the call that a handler serves. Package rpcx asks the
// value for the small methods it needs.
type Key struct{}
