// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// authAccepted calls a server that wants a token, with it.
func authAccepted(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.openTo(c.guarded(), func(s *clientSetting) { s.token = goodToken })
	if err != nil {
		return good, err
	}
	defer cl.close()
	for i := range 2 { // every call is checked, not only the first
		if err := c.echo(ctx, cl, c.ask(fmt.Sprint(i))); err != nil {
			return good, err
		}
	}
	return good, nil
}

// authRefused calls it with another token and with none.
func authRefused(ctx context.Context, c *cell) (noteID, error) {
	for _, token := range []string{"", "bearer bad"} {
		refuse := c.refusedWith
		if c.mute() {
			refuse = c.refusedInSilence
		}
		if err := refuse(ctx, token); err != nil {
			return good, fmt.Errorf("token %q: %w", token, err)
		}
	}
	if c.mute() {
		_, err := authAccepted(ctx, c) // nobody else has come to harm
		return mute, err
	}
	if c.pair.server == (theirs{}) {
		return hangsUp, nil
	}
	return good, nil
}

func (c *cell) refusedWith(ctx context.Context, token string) error {
	t := newTap()
	cl, err := c.openTo(c.guarded(), func(s *clientSetting) { s.token, s.tap = token, t })
	if err != nil {
		return err
	}
	defer cl.close()
	refuse := func() error {
		_, err := cl.call(ctx, "Echo", c.dialect.args(c.ask("refused")), c.dialect.reply(), nil)
		return refused(cl, err, wrongToken)
	}
	if err := refuse(); err != nil {
		return err
	}
	if c.pair.server == (theirs{}) {
		return c.refusedAgain(refuse, t)
	}
	if err := refuse(); err != nil {
		return err
	}
	if t.conns() != 1 {
		return fmt.Errorf("%d connections for 2 refused calls, want 1", t.conns())
	}
	return nil
}

// refusedAgain is the second call to a real server, which the end of the connection
// that the first one has cost may cut off.
func (c *cell) refusedAgain(refuse func() error, t *tap) error {
	var err error
	for range 10 {
		if err = refuse(); err == nil {
			break
		}
	}
	if err == nil && t.conns() == 1 {
		return outdated(hangsUp)
	}
	return err
}

// refusedInSilence is one call to a real server whose refusal may be lost.
func (c *cell) refusedInSilence(ctx context.Context, token string) error {
	cl, err := c.openTo(c.guarded(), func(s *clientSetting) { s.token = token })
	if err != nil {
		return err
	}
	defer cl.close()
	ending, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = cl.call(ending, "Echo", c.dialect.args(c.ask("refused")), c.dialect.reply(), nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return refused(cl, err, wrongToken)
}

// guarded returns the server that wants a token.
func (c *cell) guarded() serving { return c.bench.protected[stand{c.pair.server, c.network}] }
