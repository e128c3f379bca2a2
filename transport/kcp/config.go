// SPDX-License-Identifier: Apache-2.0

package kcp

import (
	"errors"
	"fmt"
	"time"

	kcpgo "github.com/xtaci/kcp-go/v5"
)

// Config is how connections work. Cipher, DataShards and ParityShards must be the
// peer's; the defaults are what real rpcx has. The rest is each side's own.
type Config struct {
	// Cipher encrypts packets. It is required: there is no default key. See [AES] and
	// its like; any cipher of kcp-go will do, and [NoCipher] is plain text.
	Cipher kcpgo.BlockCrypt
	// DataShards is how many packets ParityShards packets are added to: as many of the
	// sum may be lost without a retransmission. Default 10 and 3. DataShards of NoFEC:
	// none are added; peers then do not tell each other when they close.
	DataShards, ParityShards int
	// SendWindow is how many packets may be under way, and ReceiveWindow how many are
	// kept for the reader. Default 1024: 1.3 MiB, or 100 Mbit/s over 100 ms.
	SendWindow, ReceiveWindow int
	// MTU is the size of the largest datagram, in bytes. Default 1400.
	MTU int
	// Interval is the time between looks at what must be sent again, while a connection
	// is idle as well. Default 10 ms.
	Interval time.Duration
	// CongestionControl makes a connection send less when packets are lost, as TCP does.
	// Default: off, which is what makes KCP fast where losses say nothing about load.
	CongestionControl bool
}

// NoFEC is the value of Config.DataShards that switches forward error correction off.
const NoFEC = -1

func (c Config) withDefaults() Config {
	switch {
	case c.DataShards == NoFEC:
		c.DataShards, c.ParityShards = 0, 0
	case c.DataShards == 0 && c.ParityShards == 0:
		c.DataShards, c.ParityShards = 10, 3
	}
	setDefault(&c.SendWindow, 1024)
	setDefault(&c.ReceiveWindow, 1024)
	setDefault(&c.MTU, 1400)
	setDefault(&c.Interval, 10*time.Millisecond)
	return c
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// check says what is wrong.
func (c *Config) check() error {
	switch {
	case c.Cipher == nil:
		return errors.New("kcp: no cipher: set Config.Cipher to that of the peer, for instance with kcp.AES")
	case c.DataShards < 0 || c.ParityShards < 0 || c.DataShards+c.ParityShards > 255 || (c.DataShards == 0) != (c.ParityShards == 0):
		return fmt.Errorf("kcp: %d data and %d parity shards, want both to be positive and 255 in sum at most, or NoFEC", c.DataShards, c.ParityShards)
	case c.SendWindow < 1 || c.ReceiveWindow < 1 || c.SendWindow > 1<<15 || c.ReceiveWindow > 1<<15:
		return fmt.Errorf("kcp: windows of %d and %d packets, want 1 to %d", c.SendWindow, c.ReceiveWindow, 1<<15)
	case c.MTU < 256 || c.MTU > 1500:
		return fmt.Errorf("kcp: an mtu of %d, want 256 to 1500 bytes", c.MTU)
	case c.Interval < 10*time.Millisecond || c.Interval > 5*time.Second:
		return fmt.Errorf("kcp: an interval of %v, want 10 ms to 5 s", c.Interval)
	}
	return nil
}

// tune sets up a session.
func (c *Config) tune(s *kcpgo.UDPSession) {
	const noDelay, fastResend = 1, 2
	withoutControl := 1
	if c.CongestionControl {
		withoutControl = 0
	}
	s.SetNoDelay(noDelay, int(c.Interval/time.Millisecond), fastResend, withoutControl)
	s.SetWindowSize(c.SendWindow, c.ReceiveWindow)
	s.SetMtu(c.MTU) // check has seen to it
	s.SetACKNoDelay(true)
	s.SetStreamMode(true) //nolint:staticcheck // kcp-go has nothing else; fewer packets, and a peer in message mode reads them, too
}
