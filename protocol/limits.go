// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"math"
	"time"
)

// Limits bounds what a peer can make a reader accept. Every field counts bytes
// unless it says otherwise; zero means the default, and there is no "unlimited".
type Limits struct {
	Frame    int           // value of the total-length field; default 16 MiB, at most 2 GiB
	Payload  int           // payload after decompression; default: Frame
	Name     int           // service name, method name, each; default 1 KiB
	Metadata int           // encoded metadata block; default 64 KiB
	Pairs    int           // number of metadata pairs; default 1024
	Stall    time.Duration // see Reader; default 10 s
}

// The defaults of Limits.
const (
	DefaultFrameLimit    = 16 << 20
	DefaultNameLimit     = 1 << 10
	DefaultMetadataLimit = 64 << 10
	DefaultPairsLimit    = 1024
	DefaultStall         = 10 * time.Second
)

// maxFrame keeps the length of a whole frame within an int of 32 bits.
const maxFrame = math.MaxInt32 - HeaderSize

// WithDefaults returns l with every zero or negative field set to its default.
func (l Limits) WithDefaults() Limits {
	l.Frame = min(positive(l.Frame, DefaultFrameLimit), maxFrame)
	l.Payload = positive(l.Payload, l.Frame)
	l.Name = positive(l.Name, DefaultNameLimit)
	l.Metadata = positive(l.Metadata, DefaultMetadataLimit)
	l.Pairs = positive(l.Pairs, DefaultPairsLimit)
	l.Stall = positive(l.Stall, DefaultStall)
	return l
}

func positive[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
