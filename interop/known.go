// SPDX-License-Identifier: Apache-2.0

package interop

import "fmt"

// noteID says which defect of real rpcx a cell has run into.
type noteID int

// The defects.
const (
	good      noteID = iota // none
	spoilt                  // concurrent gzip
	hangsUp                 // refused auth
	noUnixTLS               // TLS on a Unix socket
	deaf                    // cancellation
	fragile                 // replies that do not decode
	rawPanic                // raw codec, wrong type
	talkative               // panics
	mute                    // KCP without an end
	slow                    // KCP's small window
	notes                   // how many there are

	absent noteID = -1 // there is no such cell
)

// note describes a defect: what rpcx does, and what was checked all the same. Q and R
// numbers are those of the project's lists of rpcx's quirks and defects.
type note struct{ name, rpcx, checked string }

// known is what cells refer to by number.
var known = [...]note{
	spoilt: {
		"Q6, R1", "gzip output lies in memory that is in use again before it is sent, so that concurrent calls spoil each other's payloads, some of them unnoticed",
		"on our side such a call fails, alone; its connection and the next call are good. Under the race detector: one call",
	},
	hangsUp: {
		"R28", "the server closes the connection with every call that it refuses, and other calls on it are lost",
		"the refusal arrives, and the next call connects again",
	},
	noUnixTLS: {
		"Q16", "the server speaks plain on unix whatever it was told, so that a TLS client, its own too, cannot connect",
		"our client says that the handshake failed; our server speaks TLS, to real clients too",
	},
	deaf: {
		"R18", "nobody tells the server that a caller has given up, and the server would not tell its handler",
		"the caller is free at once, and the connection goes on working",
	},
	fragile: {
		"Q11", "a client that cannot decode a reply closes the connection, and other calls on it are lost",
		"our server and the next connection are good",
	},
	rawPanic: {
		"SPEC 2", "the raw codec panics when the value is not bytes: a server answers with the text of the panic, a client dies",
		"our client takes that text for an error; our server answers with an error of its own; a real client was not tried",
	},
	talkative: {
		"R23", "a handler's panic is sent to the caller, with arguments and stack",
		"our client takes it for an internal error; our server sends neither text nor stack",
	},
	mute: {
		"kcp", "over KCP the end of a connection is not told to the peer, and what was written just before it, or while the server shuts down, may be lost: a refusal, the answer of a call under way",
		"the call ends at its deadline, and other clients are served",
	},
	slow: {
		"kcp", "over KCP 32 packets are under way at most, which is some 100 KB/s however fast the line is",
		"64 KiB instead of 8 MiB",
	},
}

// outdated is the error of a cell where rpcx has lost a defect.
func outdated(id noteID) error {
	return fmt.Errorf("rpcx does this right by now, so that note %q is out of date", known[id].name)
}
