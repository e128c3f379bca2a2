// SPDX-License-Identifier: Apache-2.0

package client

// Dropped returns how many frames nobody waited for.
func (c *Conn) Dropped() uint64 { return c.dropped.Load() }

// Capable reports whether the server has said what it understands.
func (c *Conn) Capable() bool { return c.caps.Load() != nil }
