// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/protocol"
)

// tapped opens a client whose frames can be seen.
func (c *cell) tapped(with ...func(*clientSetting)) (*tap, caller, error) {
	t := newTap()
	cl, err := c.open(append(with, func(s *clientSetting) { s.tap = t })...)
	return t, cl, err
}

// heartbeat lets a client prove that its connection is alive, while it makes calls.
func heartbeat(ctx context.Context, c *cell) (noteID, error) {
	const beats = 3
	t, cl, err := c.tapped(func(s *clientSetting) { s.heartbeat = 5 * time.Millisecond })
	if err != nil {
		return good, err
	}
	defer cl.close()
	kept, err := c.keepsConn(ctx, cl, func() error {
		return t.wait(ctx, func(frames []seen) bool { return len(answeredBeats(frames)) >= beats })
	})
	if err == nil && !kept {
		err = errors.New("the connection was replaced")
	}
	if err != nil {
		return good, err
	}
	for _, b := range answeredBeats(t.all()) {
		want := *b.request.Message
		want.Type = protocol.Response
		if !sameFrame(b.answer.Message, &want) {
			return good, fmt.Errorf("heartbeat %+v was answered with %+v, want an echo", b.request.Message, b.answer.Message)
		}
		if len(want.Payload) != 9 || want.Payload[0] != 0xd3 || want.Serialize != protocol.MsgPack {
			return good, fmt.Errorf("the heartbeat %+v does not look like a real one", want)
		}
	}
	return good, c.echo(ctx, cl, c.ask("after"))
}

type beat struct{ request, answer seen }

// answeredBeats returns the heartbeats with answers, without the hello of our client,
// which is one of its own kind.
func answeredBeats(frames []seen) []beat {
	asked := make(map[uint64]seen)
	var beats []beat
	for _, f := range frames {
		switch {
		case !f.Heartbeat || f.toServer && !f.Metadata.IsZero():
		case f.toServer:
			asked[f.Seq] = f
		default:
			if q, there := asked[f.Seq]; there {
				beats = append(beats, beat{q, f})
			}
		}
	}
	return beats
}

func sameFrame(a, b *protocol.Message) bool {
	x, errX := a.AppendBinary(nil)
	y, errY := b.AppendBinary(nil)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// push lets the server send messages that nobody asked for, between two calls.
func push(ctx context.Context, c *cell) (noteID, error) {
	arrived := make(chan *message, 2*pushes)
	cl, err := c.open(func(s *clientSetting) { s.pushed = arrived })
	if err != nil {
		return good, err
	}
	defer cl.close()
	q := c.ask("push")
	reply := c.dialect.reply()
	if _, err := cl.call(ctx, "Notify", c.dialect.args(q), reply, nil); err != nil {
		return good, fmt.Errorf("Notify: %w", err)
	}
	if err := c.check(reply, answer{C: pushes}); err != nil {
		return good, err
	}
	for i := range pushes {
		var m *message
		select {
		case m = <-arrived:
		case <-ctx.Done():
			return good, fmt.Errorf("push %d did not come: %w", i, ctx.Err())
		}
		want := fmt.Sprintf("%s %d %s", q.Key, i, q.Text)
		if m.service != "prices" || m.method != "tick" || m.metadata["n"] != fmt.Sprint(i) || string(m.payload) != want {
			return good, fmt.Errorf("push %d is %+v, want %q", i, m, want)
		}
	}
	return good, c.echo(ctx, cl, c.ask("after"))
}

// gzipBits looks at the frames themselves: what is compressed, and what is not.
func gzipBits(ctx context.Context, c *cell) (noteID, error) {
	t, cl, err := c.tapped()
	if err != nil {
		return good, err
	}
	defer cl.close()
	q := c.ask("bits")
	if err := c.echo(ctx, cl, q); err != nil {
		return good, err
	}
	calls := 0
	for _, f := range t.all() {
		if f.Method != "Echo" {
			continue
		}
		calls++
		if (f.Compress == protocol.Gzip) != (c.packing == gzipAbove) {
			return good, fmt.Errorf("compression %s of %d bytes", f.Compress, len(f.Payload))
		}
		payload := f.Payload
		if f.Compress == protocol.Gzip {
			if payload, err = gzip.New().Decompress(nil, payload, 1<<20); err != nil {
				return good, err
			}
		}
		if !bytes.Contains(payload, []byte(q.Key)) {
			return good, fmt.Errorf("the payload %q does not hold %q", brief(string(payload)), q.Key)
		}
	}
	if calls != 2 {
		return good, fmt.Errorf("%d frames, want 2", calls)
	}
	return good, nil
}

// shutdown ends a server while a call is under way, which is answered all the same.
func shutdown(ctx context.Context, c *cell) (noteID, error) {
	server, err := c.pair.server.serve(serverSetting{network: c.network, log: c.log()})
	if err != nil {
		return good, err
	}
	defer server.stop()
	cl, err := c.openTo(server)
	if err != nil {
		return good, err
	}
	defer cl.close()
	q := c.ask("held")
	reply := c.dialect.reply()
	patience := cellTimeout
	if c.mute() {
		patience = 2 * time.Second
	}
	ending, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	held := cl.begin(ending, "Hold", c.dialect.args(q), reply)
	if err := c.log().wait(ctx, "holding "+q.Key); err != nil {
		return good, fmt.Errorf("Hold was not run: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.shutdown(ctx) }()
	if err := c.network.gone(ctx, server); err != nil {
		return good, fmt.Errorf("the server goes on listening: %w", err)
	}
	c.log().note("released " + q.Key)
	err = <-held
	switch {
	case c.mute() && errors.Is(err, context.DeadlineExceeded):
		return mute, <-ended
	case c.mute() && err == nil:
		return good, outdated(mute)
	case err != nil:
		return good, fmt.Errorf("the call under way: %w", err)
	}
	if err := c.check(reply, answer{q.Text, q.A * q.B}); err != nil {
		return good, err
	}
	if err := <-ended; err != nil {
		return good, fmt.Errorf("shutdown: %w", err)
	}
	late, stop := context.WithTimeout(ctx, time.Second) // where nobody says that nobody is there
	defer stop()
	if err := c.echo(late, cl, c.ask("after")); err == nil {
		return good, errors.New("a server that was shut down has answered")
	}
	return good, nil
}

// unixWithTLS is beside the matrix: both sides are told to speak TLS on unix.
func unixWithTLS(ctx context.Context, c *cell) (noteID, error) {
	if c.network.scheme != "unix" {
		return absent, nil
	}
	c.network = c.bench.unixTLS
	server, err := c.pair.server.serve(serverSetting{network: c.network, log: c.log()})
	if err != nil {
		return good, err
	}
	defer server.stop()
	cl, err := c.openTo(server)
	if err != nil {
		return good, err
	}
	defer cl.close()
	err = c.echo(ctx, cl, c.ask("tls"))
	if c.pair.server == (ours{}) {
		return good, err
	}
	switch {
	case err == nil:
		return good, outdated(noUnixTLS)
	case c.pair.client == (ours{}) && !strings.Contains(err.Error(), "tls handshake"):
		return good, fmt.Errorf("the error does not tell what is wrong: %w", err)
	}
	return noUnixTLS, nil
}
