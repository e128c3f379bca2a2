// SPDX-License-Identifier: Apache-2.0

// Package sniff tells by the first bytes of a connection what is spoken on it, whatever
// has arrived of them: there is nothing to wait for, and nothing to bound. Frames begin
// with a number that is no letter, requests of HTTP/1 and the preface of HTTP/2 with a
// method in capital letters and a space. What kind of HTTP it is, HTTP tells by itself.
package sniff

// Protocol is what is spoken on a connection.
type Protocol uint8

// The protocols.
const (
	Unknown Protocol = iota // nothing that is served here
	Frames
	HTTP // of any version
	TLS  // a handshake
)

// magic is the first byte of a frame.
const magic = 0x08

// handshake is the type of the first record of TLS.
const handshake = 0x16

// longest is how long a method of HTTP may be: those there are have up to 17 letters.
const longest = 20

// First returns the protocol of a connection that begins with b, which is not empty.
func First(b []byte) Protocol {
	switch {
	case b[0] == magic:
		return Frames
	case b[0] == handshake:
		return TLS
	case isMethod(b):
		return HTTP
	default:
		return Unknown
	}
}

// isMethod reports whether b begins as a request of HTTP does, or may go on to.
func isMethod(b []byte) bool {
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z' && i < longest, c == '-' && i > 0:
		default:
			return c == ' ' && i > 0
		}
	}
	return true
}
