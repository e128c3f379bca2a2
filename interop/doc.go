// SPDX-License-Identifier: Apache-2.0

// Package interop proves compatibility with real rpcx, the Go module
// github.com/smallnest/rpcx at the version that go.mod names.
//
// The matrix runs every capability between {our client, rpcx client} and {our
// server, rpcx server}, over each transport, in each codec, with and without
// compression; rpcx against itself is the control that shows what real rpcx does.
// A cell is good, or bad, or good with a note: then rpcx itself has a defect there,
// the note names it, and what was checked is that our side copes. "make interop"
// prints it.
//
// Real rpcx's QUIC needs another version of quic-go than ours and runs in a program of its
// own, testdata/quicrelay, which the matrix builds; quic is left out where that cannot
// be done.
//
// The other tests replay what real peers put on the wire: transcripts of real
// clients against our server, our client's bytes against theirs, and any frame at
// all against both decoders.
//
// The program in chaos shows what becomes of calls when servers fail, with both.
package interop
