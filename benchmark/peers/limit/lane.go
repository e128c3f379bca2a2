// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// inline is how much may be under way on a connection whose reader writes too. With
// more, both ends could wait until the other reads.
const inline = 128 << 10

// lane keeps a number of requests under way on one connection.
type lane struct {
	echo     Echo
	conn     net.Conn
	in       *frames
	send     func([]byte) error
	recorder peers.Recorder
	caller   int // the number of the first one

	args   *pb.BenchmarkMessage
	body   []byte      // of every request, when there is no codec
	window []time.Time // when the requests under way were sent; request n is at n % len
	next   uint64      // the number of the next request
}

// dial connects a lane.
func (e Echo) dial(ctx context.Context, addr string, caller, window, payload int, r peers.Recorder) (*lane, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &lane{
		echo: e, conn: conn, in: newFrames(conn), recorder: r, caller: caller,
		args: peers.NewMessage(payload), window: make([]time.Time, window),
	}
	if l.body, err = (Std{}).Append(nil, l.args); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// close closes the connection. It may be called again.
func (l *lane) close() error {
	if err := l.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// drive exchanges frames until ctx ends, and closes the connection.
func (l *lane) drive(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = l.close() }) // wakes the reader
	defer stop()
	if window := len(l.window) * (headLen + len(l.body)); window > inline {
		w := newWriter(l.conn)
		defer w.close()
		l.send = w.write
	} else {
		l.send = func(b []byte) error { _, err := l.conn.Write(b); return err }
	}
	defer func() { _ = l.close() }() // wakes the writer
	err := l.exchange()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (l *lane) exchange() error {
	var out []byte
	var err error
	now := time.Now() // once per batch: what a read returned arrived together
	for range l.window {
		if out, err = l.appendRequest(out, now); err != nil {
			return err
		}
	}
	want := uint64(0)
	for {
		if err := l.send(out); err != nil {
			return err
		}
		out = out[:0]
		if err := l.in.fill(); err != nil {
			return err
		}
		now = time.Now()
		for {
			n, body, err := l.in.next()
			if err != nil {
				return err
			}
			if body == nil {
				break
			}
			if n != want {
				return fmt.Errorf("limit: the reply to request %d answers request %d", want, n)
			}
			want++
			err = l.check(n, body)
			slot := int(n % uint64(len(l.window)))
			l.recorder.Done(l.caller+slot, now.Sub(l.window[slot]), err)
			if out, err = l.appendRequest(out, now); err != nil {
				return err
			}
		}
	}
}

// appendRequest appends the next request, which is sent now.
func (l *lane) appendRequest(out []byte, now time.Time) ([]byte, error) {
	n := l.next
	l.next++
	l.window[n%uint64(len(l.window))] = now
	if l.echo.Codec == nil {
		return append(appendHead(out, n, len(l.body)), l.body...), nil
	}
	peers.Tag(l.args, int(n))
	return l.echo.appendMessage(out, n, l.args)
}

// check reports what is wrong with the reply to request n.
func (l *lane) check(n uint64, body []byte) error {
	if l.echo.Codec == nil {
		if len(body) != len(l.body) {
			return fmt.Errorf("limit: reply of %d bytes, want %d", len(body), len(l.body))
		}
		return nil
	}
	reply := new(pb.BenchmarkMessage)
	if err := l.echo.Codec.Unmarshal(body, reply); err != nil {
		return err
	}
	peers.Tag(l.args, int(n))
	return peers.Verify(l.args, reply)
}
