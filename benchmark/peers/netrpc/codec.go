// SPDX-License-Identifier: Apache-2.0

package netrpc

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/rpc"

	"google.golang.org/protobuf/proto"
)

// codec is rpc.ServerCodec, and most of rpc.ClientCodec. A frame is, both ways: the
// sequence number, 8 bytes; the length of a text, 4; that of the body, 4; the text,
// which is the method or the error; and the body, a message. Each is one write.
// net/rpc writes and reads one frame at a time, so the buffers can be used again.
type codec struct {
	conn io.ReadWriteCloser
	in   *bufio.Reader
	head [headLen]byte
	body []byte
	out  []byte
}

const (
	headLen = 16
	maxLen  = 16 << 20 // of a text and of a body
)

func newCodec(conn io.ReadWriteCloser) *codec {
	return &codec{conn: conn, in: bufio.NewReader(conn)}
}

// ReadRequestHeader implements rpc.ServerCodec.
func (c *codec) ReadRequestHeader(r *rpc.Request) (err error) {
	r.Seq, r.ServiceMethod, err = c.readHead()
	return err
}

// ReadRequestBody implements rpc.ServerCodec.
func (c *codec) ReadRequestBody(body any) error { return c.readBody(body) }

// WriteResponse implements rpc.ServerCodec.
func (c *codec) WriteResponse(r *rpc.Response, body any) error {
	if r.Error != "" {
		body = nil // it is a placeholder of net/rpc's
	}
	return c.write(r.Seq, r.Error, body)
}

// Close implements rpc.ServerCodec.
func (c *codec) Close() error { return c.conn.Close() }

// clientCodec is rpc.ClientCodec.
type clientCodec struct{ *codec }

// WriteRequest implements rpc.ClientCodec.
func (c clientCodec) WriteRequest(r *rpc.Request, body any) error {
	return c.write(r.Seq, r.ServiceMethod, body)
}

// ReadResponseHeader implements rpc.ClientCodec.
func (c clientCodec) ReadResponseHeader(r *rpc.Response) (err error) {
	r.Seq, r.Error, err = c.readHead()
	return err
}

// ReadResponseBody implements rpc.ClientCodec.
func (c clientCodec) ReadResponseBody(body any) error { return c.readBody(body) }

func (c *codec) write(seq uint64, text string, body any) error {
	out := binary.BigEndian.AppendUint64(c.out[:0], seq)
	out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
	out = append(out, 0, 0, 0, 0)
	out = append(out, text...)
	if body != nil {
		m, ok := body.(proto.Message)
		if !ok {
			return fmt.Errorf("netrpc: %T is not a message", body)
		}
		var err error
		if out, err = (proto.MarshalOptions{}).MarshalAppend(out, m); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint32(out[12:], uint32(len(out)-headLen-len(text)))
	c.out = out
	_, err := c.conn.Write(out)
	return err
}

// readHead reads a frame up to the body, of which it remembers the length.
func (c *codec) readHead() (seq uint64, text string, err error) {
	if _, err := io.ReadFull(c.in, c.head[:]); err != nil {
		return 0, "", err
	}
	seq = binary.BigEndian.Uint64(c.head[:])
	n, m := binary.BigEndian.Uint32(c.head[8:]), binary.BigEndian.Uint32(c.head[12:])
	if n > maxLen || m > maxLen {
		return 0, "", fmt.Errorf("netrpc: frame of %d and %d bytes, the limit is %d", n, m, maxLen)
	}
	b := c.buffer(int(n))
	if _, err := io.ReadFull(c.in, b); err != nil {
		return 0, "", noEOF(err)
	}
	text = string(b)
	c.buffer(int(m))
	return seq, text, nil
}

// readBody reads the body of the frame into v; nil discards it.
func (c *codec) readBody(v any) error {
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return noEOF(err)
	}
	if v == nil {
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("netrpc: %T is not a message", v)
	}
	return proto.Unmarshal(c.body, m)
}

// buffer makes c.body n bytes long and returns it.
func (c *codec) buffer(n int) []byte {
	if cap(c.body) < n {
		c.body = make([]byte, n)
	}
	c.body = c.body[:n]
	return c.body
}

func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // io.ReadFull returns it as it is
		return io.ErrUnexpectedEOF
	}
	return err
}
