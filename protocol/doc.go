// SPDX-License-Identifier: Apache-2.0

// Package protocol is the frame: the one unit of bytes that rpcx peers exchange.
//
// [Reader] takes frames off a stream within [Limits]; [Frame] is one of them as it
// lies in the reader's buffer, [Message] one that owns its memory. [AppendHead] and
// [Mark] encode a frame straight into an outgoing buffer. [Metadata] is the list of
// pairs that travels beside a payload.
//
// Decoding is total: any bytes give a frame or an error, every length is held
// against what is left, and nothing is allocated on the word of a peer. Errors
// match [ErrMalformed]; after one the connection is closed, for there is no way to
// find the next frame.
//
// The format, byte by byte, with what real rpcx does and what this project adds to
// it, is described in spec.md beside this file. The package imports the standard
// library only.
package protocol
