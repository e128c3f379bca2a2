// SPDX-License-Identifier: Apache-2.0

package client

// Dropped returns how many frames nobody waited for.
func (c *Conn) Dropped() uint64 { return c.dropped.Load() }

// Capable reports whether the server has said what it understands.
func (c *Conn) Capable() bool { return c.caps.Load() != nil }

// HeldBy says who reads the connection.
func (c *Conn) HeldBy() string {
	switch c.reading.holder.Load() {
	case vacant:
		return "nobody"
	case kept:
		return "its goroutine"
	default:
		return "a caller"
	}
}

// Lonely is how many calls must be alone before callers read for themselves, and Fresh
// for how long a connection that nobody reads is not looked at.
const (
	Lonely = lonely
	Fresh  = fresh
)
