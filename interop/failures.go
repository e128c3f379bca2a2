// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rpcx-go/rpcx/protocol"
)

// serviceError makes calls that the service refuses: the caller gets the text, and
// the reply as it stood.
func serviceError(ctx context.Context, c *cell) (noteID, error) {
	return good, c.fails(ctx, func(cl caller) error {
		q := c.ask("fail")
		reply := c.dialect.reply()
		_, err := cl.call(ctx, "Fail", c.dialect.args(q), reply, nil)
		if err := refused(cl, err, failure(q)); err != nil {
			return err
		}
		return c.check(reply, answer{"beside the error", q.A * q.B})
	})
}

// panics calls a method that panics.
func panics(ctx context.Context, c *cell) (noteID, error) {
	const prefix, secret = "[service internal error]: ", "secret of"
	leaked := false
	err := c.fails(ctx, func(cl caller) error {
		_, err := cl.call(ctx, "Panic", c.dialect.args(c.ask("panic")), c.dialect.reply(), nil)
		text, remote := cl.remote(err)
		if !remote || !strings.HasPrefix(text, prefix) || !strings.Contains(text, "method: Panic") {
			return fmt.Errorf("the error is %w, want one of the peer's that begins with %q and names the method", errors.Join(err), prefix)
		}
		leaked = strings.Contains(text, secret)
		return nil
	})
	if err == nil && leaked && c.pair.server == (ours{}) {
		err = errors.New("the text of the panic was sent to the caller")
	}
	if leaked {
		return talkative, err
	}
	return good, err
}

// unknownService calls a service that is not there.
func unknownService(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open(func(s *clientSetting) { s.service = "Nobody" })
	if err != nil {
		return good, err
	}
	defer cl.close()
	for range 2 { // the second call finds the connection in order
		_, err = cl.call(ctx, "Echo", c.dialect.args(c.ask("nobody")), c.dialect.reply(), nil)
		if err := refused(cl, err, "rpcx: can't find service Nobody"); err != nil {
			return good, err
		}
	}
	return good, nil
}

// unknownMethod calls a method that the service does not have.
func unknownMethod(ctx context.Context, c *cell) (noteID, error) {
	return good, c.fails(ctx, func(cl caller) error {
		_, err := cl.call(ctx, "Nothing", c.dialect.args(c.ask("nothing")), c.dialect.reply(), nil)
		return refused(cl, err, "rpcx: can't find method Nothing")
	})
}

// fails runs a call that is to fail, and checks that the connection is none the worse.
func (c *cell) fails(ctx context.Context, call func(cl caller) error, with ...func(*clientSetting)) error {
	cl, err := c.open(with...)
	if err != nil {
		return err
	}
	defer cl.close()
	same, err := c.keepsConn(ctx, cl, func() error { return call(cl) })
	if err == nil && !same {
		err = errors.New("the error has cost the connection")
	}
	if err != nil {
		return err
	}
	return c.echo(ctx, cl, c.ask("after"))
}

// badArguments sends a payload that the service's codec cannot read. The text of the
// error is the codec's affair. Bytes can always be read, except into a struct.
func badArguments(ctx context.Context, c *cell) (noteID, error) {
	payload := []byte{garbage}
	if c.packing == gzipAbove {
		payload = []byte(strings.Repeat(string(payload), 4000))
	}
	if c.dialect.codec == protocol.SerializeNone {
		return c.bytesForStruct(ctx, payload)
	}
	return good, c.fails(ctx, func(cl caller) error { return c.sendBad(ctx, cl, payload) })
}

func (c *cell) sendBad(ctx context.Context, cl caller, payload []byte) error {
	_, err := cl.raw(ctx, "Echo", payload)
	if text, remote := cl.remote(err); !remote || text == "" {
		return fmt.Errorf("the error is %w, want one of the peer's", errors.Join(err))
	}
	return nil
}

// bytesForStruct sends bytes to a method that wants a struct.
func (c *cell) bytesForStruct(ctx context.Context, payload []byte) (noteID, error) {
	cl, err := c.open(func(s *clientSetting) { s.service = plainService })
	if err != nil {
		return good, err
	}
	defer cl.close()
	for range 2 { // the second call finds the connection in order
		if err := c.sendBad(ctx, cl, payload); err != nil {
			return good, err
		}
	}
	if c.pair.server == (theirs{}) {
		return rawPanic, nil
	}
	return good, nil
}

// badReply gets a reply that the client's codec cannot read. Bytes can always be read,
// except into a struct.
func badReply(ctx context.Context, c *cell) (noteID, error) {
	into := c.dialect.reply()
	if c.dialect.codec == protocol.SerializeNone {
		if c.pair.client == (theirs{}) {
			return rawPanic, nil // it would end this process
		}
		into = new(Reply)
	}
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	kept, err := c.keepsConn(ctx, cl, func() error {
		_, err := cl.call(ctx, garble, c.dialect.args(c.ask("garble")), into, nil)
		_, remote := cl.remote(err)
		if err == nil || remote && c.pair.client == (ours{}) {
			return fmt.Errorf("the error is %w, want one of the client's own", errors.Join(err))
		}
		return nil
	})
	switch {
	case c.pair.client == (theirs{}) && err == nil && kept:
		return good, outdated(fragile)
	case c.pair.client == (theirs{}):
		return fragile, c.recovers(ctx, cl)
	case err == nil && !kept:
		err = errors.New("the error has cost the connection")
	}
	return good, err
}
