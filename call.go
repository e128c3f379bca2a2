// SPDX-License-Identifier: Apache-2.0

package rpcx

// Call is one call as interceptors see it, on the side that makes it and on the
// side that serves it. It belongs to the goroutine that runs the chain and is
// invalid once the chain has returned.
type Call struct {
	// Side is where the chain runs, for interceptors that do for both: on the side that
	// makes the call or on the one that serves it.
	Side Side

	Service, Method string

	// Args and Reply are the user's values. On a server they are pointers that the
	// codec filled and will read. Reply is nil for a one-way call.
	Args, Reply any

	// Header travels with the request. An interceptor of a client may replace it
	// before it calls next.
	Header Metadata

	// Trailer came back with the reply. On a server an interceptor may replace it;
	// what handlers set with SetReplyMetadata is added to it.
	Trailer Metadata

	// Oneway says that no reply is wanted.
	Oneway bool

	// Peer is the other end. On a client it is known once the call was sent: the
	// peer of the last attempt.
	Peer Peer
}
