// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// surroundings is what a behaviour asks of the framework that runs it.
type surroundings interface {
	// metadata returns what came with the call.
	metadata(ctx context.Context) map[string]string
	// reply adds to what goes back.
	reply(ctx context.Context, key, value string)
	// conn names the connection that the call came in on.
	conn(ctx context.Context) string
	// push sends a message to that connection.
	push(ctx context.Context, service, method string, md map[string]string, payload []byte) error
}

// behaviour is what the services of the matrix do, written once for all types and
// both frameworks.
type behaviour struct {
	log *journal
	in  surroundings
}

// Service gives a behaviour the form that both frameworks register: methods with
// types of a codec.
type Service[A, R any] struct {
	b     *behaviour
	read  func(*A) question
	write func(*R, answer)
}

// failure is the text of the error that Fail returns.
func failure(q question) string { return "cannot do " + q.Key + ": 除零" }

// Echo returns the text and the product.
func (s *Service[A, R]) Echo(_ context.Context, args *A, reply *R) error {
	q := s.read(args)
	s.write(reply, answer{q.Text, q.A * q.B})
	return nil
}

// Fail returns an error and fills the reply all the same.
func (s *Service[A, R]) Fail(_ context.Context, args *A, reply *R) error {
	q := s.read(args)
	s.write(reply, answer{"beside the error", q.A * q.B})
	return errors.New(failure(q))
}

// Panic panics.
func (s *Service[A, R]) Panic(_ context.Context, args *A, _ *R) error {
	panic("secret of " + s.read(args).Key)
}

// Mark notes that it ran.
func (s *Service[A, R]) Mark(_ context.Context, args *A, reply *R) error {
	q := s.read(args)
	s.b.log.note("marked " + q.Key)
	s.write(reply, answer{C: q.A})
	return nil
}

// MarkAndFail notes that it ran and returns an error.
func (s *Service[A, R]) MarkAndFail(ctx context.Context, args *A, reply *R) error {
	if err := s.Mark(ctx, args, reply); err != nil {
		return err
	}
	return s.Fail(ctx, args, reply)
}

// Hold returns the text once somebody has called Release with the same key, or its
// context has ended.
func (s *Service[A, R]) Hold(ctx context.Context, args *A, reply *R) error {
	q := s.read(args)
	s.b.log.note("holding " + q.Key)
	if err := s.b.log.wait(ctx, "released "+q.Key); err != nil {
		s.b.log.note("ended " + q.Key)
		return err
	}
	s.write(reply, answer{q.Text, q.A * q.B})
	return nil
}

// Release lets Hold return.
func (s *Service[A, R]) Release(_ context.Context, args *A, _ *R) error {
	s.b.log.note("released " + s.read(args).Key)
	return nil
}

// garble is the method whose reply no codec can read, and garbage is that reply. Each
// server has its own way of making it.
const (
	garble       = "Garble"
	garbage byte = 0xc1
)

// Garble is there for its name.
func (s *Service[A, R]) Garble(context.Context, *A, *R) error { return nil }

// Deadline returns how many milliseconds are left to the handler, -1 for ever.
func (s *Service[A, R]) Deadline(ctx context.Context, _ *A, reply *R) error {
	w := answer{C: -1}
	if at, ok := ctx.Deadline(); ok {
		w.C = time.Until(at).Milliseconds()
	}
	s.write(reply, w)
	return nil
}

// Meta sends each pair of the program's metadata back under another key, and
// returns how many there were.
func (s *Service[A, R]) Meta(ctx context.Context, _ *A, reply *R) error {
	n := int64(0)
	for k, v := range s.b.in.metadata(ctx) {
		if len(k) >= 2 && k[:2] == "__" {
			continue
		}
		s.b.in.reply(ctx, "re:"+k, v)
		n++
	}
	s.write(reply, answer{C: n})
	return nil
}

// Conn returns the name of the connection.
func (s *Service[A, R]) Conn(ctx context.Context, _ *A, reply *R) error {
	s.write(reply, answer{Text: s.b.in.conn(ctx)})
	return nil
}

// pushes is how many messages Notify pushes.
const pushes = 5

// Notify pushes messages to the connection and returns how many.
func (s *Service[A, R]) Notify(ctx context.Context, args *A, reply *R) error {
	q := s.read(args)
	for i := range pushes {
		n := strconv.Itoa(i)
		err := s.b.in.push(ctx, "prices", "tick", map[string]string{"n": n}, fmt.Appendf(nil, "%s %d %s", q.Key, i, q.Text))
		if err != nil {
			return err
		}
	}
	s.write(reply, answer{C: pushes})
	return nil
}
