// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/rpcx-go/rpcx"
)

// unary makes calls one after the other.
func unary(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	for i := range 3 {
		if err := c.echo(ctx, cl, c.ask(fmt.Sprint(i))); err != nil {
			return good, err
		}
	}
	return good, nil
}

// async begins calls, goes on meanwhile, and takes their outcome.
func async(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	calls := 8
	if c.zipsInRpcx() {
		calls = 1 // see noteZip
	}
	outcomes := make([]<-chan error, calls)
	replies := make([]any, calls)
	for i := range calls {
		replies[i] = c.dialect.reply()
		outcomes[i] = cl.begin(ctx, "Echo", c.dialect.args(c.ask(fmt.Sprint(i))), replies[i])
	}
	for i := range calls {
		if err := <-outcomes[i]; err != nil {
			return good, fmt.Errorf("call %d: %w", i, err)
		}
		q := c.ask(fmt.Sprint(i))
		if err := c.check(replies[i], answer{q.Text, q.A * q.B}); err != nil {
			return good, fmt.Errorf("call %d: %w", i, err)
		}
	}
	return good, nil
}

// oneway makes calls that are not answered, one of which fails, and then one that is.
func oneway(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	for _, method := range []string{"Mark", "MarkAndFail"} {
		q := c.ask(method)
		if err := cl.oneway(ctx, method, c.dialect.args(q)); err != nil {
			return good, fmt.Errorf("%s: %w", method, err)
		}
		if err := c.log().wait(ctx, "marked "+q.Key); err != nil {
			return good, fmt.Errorf("%s was not run: %w", method, err)
		}
	}
	return good, c.echo(ctx, cl, c.ask("after"))
}

// outOfOrder makes a call that ends only when a later one on the same connection has
// been answered.
func outOfOrder(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	q := c.ask("held")
	reply := c.dialect.reply()
	held := cl.begin(ctx, "Hold", c.dialect.args(q), reply)
	if err := c.log().wait(ctx, "holding "+q.Key); err != nil {
		return good, fmt.Errorf("Hold was not run: %w", err)
	}
	select {
	case err := <-held:
		return good, fmt.Errorf("Hold returned before it was released: %w", errors.Join(err))
	default:
	}
	if err := c.echo(ctx, cl, c.ask("meanwhile")); err != nil {
		return good, err
	}
	if _, err := cl.call(ctx, "Release", c.dialect.args(question{Key: q.Key}), c.dialect.reply(), nil); err != nil {
		return good, fmt.Errorf("Release: %w", err)
	}
	if err := <-held; err != nil {
		return good, fmt.Errorf("Hold: %w", err)
	}
	return good, c.check(reply, answer{q.Text, q.A * q.B})
}

// manyCallers lets 64 goroutines share one client.
func manyCallers(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	if c.zipsInRpcx() {
		return spoilt, c.survive(ctx, cl)
	}
	same, err := c.keepsConn(ctx, cl, func() error { return errors.Join(c.crowd(ctx, cl)...) })
	if err == nil && !same {
		err = errors.New("the connection was replaced")
	}
	return good, err
}

// crowd makes calls from 64 goroutines and returns the errors.
func (c *cell) crowd(ctx context.Context, cl caller) []error {
	const callers, each = 64, 3
	errs := make([]error, callers*each)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				errs[i*each+j] = c.echo(ctx, cl, c.ask(fmt.Sprintf("%d.%d", i, j)))
			}
		})
	}
	wg.Wait()
	return errs
}

// survive is manyCallers where payloads that real rpcx compresses are spoilt: calls
// may fail, or get each other's replies, but on our side nothing else does.
func (c *cell) survive(ctx context.Context, cl caller) error {
	if raceDetector { // which finds what spoils them
		return c.echo(ctx, cl, c.ask("alone"))
	}
	same, err := c.keepsConn(ctx, cl, func() error {
		for _, err := range c.crowd(ctx, cl) {
			var wrong *mismatch
			_, remote := cl.remote(err)
			damaged := rpcx.CodeOf(err) == rpcx.DataLoss || rpcx.CodeOf(err) == rpcx.Internal
			if err != nil && !errors.As(err, &wrong) && !remote && !damaged && !c.pair.control() {
				return fmt.Errorf("a spoilt payload has done more than that: %w", err)
			}
		}
		return nil
	})
	switch {
	case c.pair.control():
		err = c.recovers(ctx, cl) // real rpcx may have lost the connection
	case err == nil && !same:
		err = errors.New("a spoilt payload has cost the connection")
	case err == nil:
		err = c.echo(ctx, cl, c.ask("after"))
	}
	return err
}

// large sends 8 MiB there and back.
func large(ctx context.Context, c *cell) (noteID, error) {
	cl, err := c.open()
	if err != nil {
		return good, err
	}
	defer cl.close()
	size, note := 8<<20, good
	if c.network.scheme == "kcp" && c.pair.has(theirs{}) {
		size, note = 64<<10, slow
	}
	q := c.ask("large")
	line := fmt.Sprintf("%s: %0100d, and so on\n", q.Key, size)
	q.Text = strings.Repeat(line, size/len(line)+1)
	return note, c.echo(ctx, cl, q)
}

// zipsInRpcx reports whether real rpcx compresses payloads of this cell.
func (c *cell) zipsInRpcx() bool { return c.packing == gzipAbove && c.pair.has(theirs{}) }
