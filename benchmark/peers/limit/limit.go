// SPDX-License-Identifier: Apache-2.0

// Package limit is what the machine lets anybody reach: programs that exchange
// messages and do nothing else. A frame is a length, a number and a body; replies
// come in the order of the requests.
//
// PingPong has one frame under way on each connection. Echo has many, and handles
// all that a read returned before one write. A codec makes Echo decode and encode
// each message on both sides, as an RPC framework must. With Handle it also runs the
// service's handler, as all peers do.
package limit

import (
	"encoding/binary"
	"io"
	"net"
	"sync"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// Echo is a limit.
type Echo struct {
	// Codec encodes messages; nil: the body is the same bytes every time.
	Codec Codec
	// PingPong allows one frame under way on each connection.
	PingPong bool
	// Handle makes the server run the service's handler for each message, in the
	// goroutine that reads. It needs a Codec.
	Handle bool
}

var _ peers.Limit = Echo{}

// Serve implements peers.Limit.
func (e Echo) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed
			}
			serving.Go(func() {
				defer conn.Close() //nolint:errcheck // nothing was left to write
				_ = e.answer(conn, s)
			})
		}
	})
	return peers.CloserFunc(func() error {
		err := ln.Close()
		serving.Wait() // connections end with their clients
		return err
	}), nil
}

// answer answers frames until the connection ends.
func (e Echo) answer(conn net.Conn, s *peers.Service) error {
	in := newFrames(conn)
	var out []byte
	for {
		if err := in.fill(); err != nil {
			return err
		}
		out = out[:0]
		for {
			n, body, err := in.next()
			if err != nil {
				return err
			}
			if body == nil {
				break
			}
			if out, err = e.appendReply(out, n, body, s); err != nil {
				return err
			}
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}

func (e Echo) appendReply(out []byte, n uint64, body []byte, s *peers.Service) ([]byte, error) {
	if !e.Handle {
		s.Count(1)
	}
	if e.Codec == nil {
		return append(appendHead(out, n, len(body)), body...), nil
	}
	args, reply := new(pb.BenchmarkMessage), new(pb.BenchmarkMessage)
	if err := e.Codec.Unmarshal(body, args); err != nil {
		return out, err
	}
	if e.Handle {
		s.Say(args, reply)
	} else {
		peers.Answer(args, reply)
	}
	return e.appendMessage(out, n, reply)
}

// appendMessage appends a frame with a message.
func (e Echo) appendMessage(out []byte, n uint64, m *pb.BenchmarkMessage) ([]byte, error) {
	start := len(out)
	out, err := e.Codec.Append(appendHead(out, n, 0), m)
	if err != nil {
		return out, err
	}
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start-headLen))
	return out, nil
}
