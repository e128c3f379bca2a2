// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"fmt"
	"strings"
)

// packing is what is asked for as to compression, and how long what is sent is.
type packing int

const (
	plain     packing = iota // no compression
	gzipBelow                // gzip asked for, and nothing is long enough for it
	gzipAbove                // gzip asked for and used, on both ways
)

func (p packing) String() string {
	return [...]string{"plain", "gzip <1K", "gzip >1K"}[p]
}

// text returns one of the length that the packing is about, which differs from that
// of other names in each of its lines.
func (p packing) text(name string) string {
	if p == gzipAbove {
		return strings.Repeat(name+" goes on and on, 世界, <&>\n", 80)
	}
	return "short: " + name
}

// pair is who calls whom.
type pair struct{ client, server framework }

func (p pair) String() string { return p.client.String() + "->" + p.server.String() }

// has reports whether real rpcx takes part.
func (p pair) has(f framework) bool { return p.client == f || p.server == f }

// control reports whether real rpcx is by itself: what it does is then no verdict on us.
func (p pair) control() bool { return !p.has(ours{}) }

// cell is one square of the matrix: a capability in one codec and packing, over one
// transport, between one pair.
type cell struct {
	capability *capability
	dialect    *dialect
	packing    packing
	pair       pair
	family     *family
	network    *network

	bench *bench
	name  string // unique

	note noteID // with one the cell is good, but rpcx is not
	err  error
}

// run runs the cell and keeps the outcome.
func (c *cell) run(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			c.err = fmt.Errorf("panic: %v", r)
		}
	}()
	c.note, c.err = c.capability.run(ctx, c)
}

// open opens a client of the cell's own to the server that the matrix has for it.
func (c *cell) open(with ...func(*clientSetting)) (caller, error) {
	return c.openTo(c.bench.open[stand{c.pair.server, c.network}], with...)
}

// openTo opens a client of the cell's own.
func (c *cell) openTo(s serving, with ...func(*clientSetting)) (caller, error) {
	setting := clientSetting{
		network: c.network,
		address: s.address(),
		dialect: c.dialect,
		service: c.dialect.service,
		gzip:    c.packing != plain,
	}
	for _, w := range with {
		w(&setting)
	}
	return c.pair.client.open(setting)
}

// log returns the journal of the cell's server.
func (c *cell) log() *journal { return c.bench.log }

// ask returns a question of the packing's length. sub tells it from others of the cell.
func (c *cell) ask(sub string) question {
	key := c.name + "/" + sub
	return question{Key: key, Text: c.packing.text(key), A: int64(len(sub)) + 6, B: -1 << 40}
}

// echo makes one call and checks what comes back.
func (c *cell) echo(ctx context.Context, cl caller, q question) error {
	reply := c.dialect.reply()
	if _, err := cl.call(ctx, "Echo", c.dialect.args(q), reply, nil); err != nil {
		return fmt.Errorf("Echo: %w", err)
	}
	return c.check(reply, answer{q.Text, q.A * q.B})
}

// check compares a reply with what it should be.
func (c *cell) check(reply any, want answer) error {
	got := c.dialect.read(reply)
	if got == want {
		return nil
	}
	return &mismatch{got, want}
}

// mismatch is a reply that is not the one that belongs to the call.
type mismatch struct{ got, want answer }

func (e *mismatch) Error() string {
	return fmt.Sprintf("the reply is {%s %d}, want {%s %d}", brief(e.got.Text), e.got.C, brief(e.want.Text), e.want.C)
}

// conn asks the server which connection it is called on.
func (c *cell) conn(ctx context.Context, cl caller) (string, error) {
	reply := c.dialect.reply()
	if _, err := cl.call(ctx, "Conn", c.dialect.args(question{Key: c.name}), reply, nil); err != nil {
		return "", fmt.Errorf("Conn: %w", err)
	}
	return c.dialect.read(reply).Text, nil
}

// keepsConn runs f and checks that the client's connection outlives it and goes on
// working. It reports false, with no error, if another connection took its place.
func (c *cell) keepsConn(ctx context.Context, cl caller, f func() error) (bool, error) {
	before, err := c.conn(ctx, cl)
	if err != nil {
		return false, err
	}
	if err := f(); err != nil {
		return false, err
	}
	after, err := c.conn(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("the connection does not work any more: %w", err)
	}
	return before == after, nil
}

// recovers makes calls until one is good, for a client that may have to connect again.
func (c *cell) recovers(ctx context.Context, cl caller) error {
	var err error
	for i := range 10 {
		if err = c.echo(ctx, cl, c.ask(fmt.Sprintf("again%d", i))); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the client does not recover: %w", err)
}

// mute reports whether the server is one whose connections end without a word.
func (c *cell) mute() bool { return c.pair.server == (theirs{}) && c.network.scheme == "kcp" }

// refused checks that err is one that the peer sent, and its text.
func refused(cl caller, err error, want string) error {
	switch text, ok := cl.remote(err); {
	case err == nil:
		return fmt.Errorf("no error, want %q", want)
	case !ok:
		return fmt.Errorf("the error is not the peer's: %w", err)
	case text != want:
		return fmt.Errorf("the error is %q, want %q", brief(text), want)
	default:
		return nil
	}
}

// brief shortens a text for a message.
func brief(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes)", s[:most], len(s))
}
