// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// A reply that cannot be used fails its own call. rpcx closes the connection, and
// with it fails every call.
func TestBadReplyFailsItsCallAlone(t *testing.T) {
	t.Parallel()
	bomb := zip(t, make([]byte, 2<<20))
	tests := []struct {
		name   string
		answer func(a *protocol.Message)
		code   rpcx.Code
		says   string
		is     error
	}{
		{name: "does not decode", code: rpcx.Internal, says: "decode reply", answer: func(a *protocol.Message) {
			a.Serialize, a.Payload = protocol.JSON, []byte("{junk")
		}},
		{name: "codec of another type", code: rpcx.Internal, says: "decode reply", answer: func(a *protocol.Message) {
			a.Serialize, a.Payload = protocol.ProtoBuffer, []byte("x")
		}},
		{name: "unknown codec", code: rpcx.Unimplemented, says: "unsupported codec: number 9", answer: func(a *protocol.Message) {
			a.Serialize, a.Payload = 9, []byte("x")
		}},
		{name: "unknown compressor", code: rpcx.Unimplemented, says: "unsupported compressor: number 6", answer: func(a *protocol.Message) {
			a.Compress, a.Payload = 6, []byte("x")
		}},
		{name: "not compressed", code: rpcx.DataLoss, says: "decompress reply", answer: func(a *protocol.Message) {
			a.Compress, a.Payload = protocol.Gzip, []byte("plain")
		}},
		{name: "gzip cut short", code: rpcx.DataLoss, says: "decompress reply", answer: func(a *protocol.Message) {
			a.Compress, a.Payload = protocol.Gzip, bomb[:len(bomb)/2]
		}},
		{name: "gzip bomb", code: rpcx.DataLoss, says: "decompress reply", is: compress.ErrTooLarge, answer: func(a *protocol.Message) {
			a.Compress, a.Payload = protocol.Gzip, bomb
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{Limits: protocol.Limits{Payload: 1 << 20}})
			bad := inBackground(on(t.Context(), c), "bad")
			m := w.next()
			good := inBackground(on(t.Context(), c), "good")
			mGood := w.next()
			a := answerTo(m, "")
			tt.answer(a)
			w.send(a)
			got := receive(t, bad, "the bad reply")
			wantError(t, got.err, tt.code, false)
			if !strings.Contains(got.err.Error(), tt.says) || tt.is != nil && !errors.Is(got.err, tt.is) {
				t.Errorf("error is %q, want it to say %q", got.err, tt.says)
			}
			w.reply(mGood, "unharmed")
			wantOK(t, receive(t, good, "the other call"), "unharmed")

			raw := rawInBackground(t.Context(), c, &protocol.Message{Service: "S", Method: "M"})
			a = answerTo(w.next(), "")
			tt.answer(a)
			w.send(a)
			r := receive(t, raw, "the raw call")
			if a.Compress == protocol.None {
				if r.err != nil || !bytes.Equal(r.answer.Payload, a.Payload) {
					t.Errorf("raw call: %v, %v; nothing is decoded there", r.answer, r.err)
				}
			} else {
				wantError(t, r.err, tt.code, false)
			}
			w.sync(c)
		})
	}
}

// An error reply is an error, whatever else it carries or lacks.
func TestR19_ErrorReplyWithoutMetadata(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	bare := func(m *protocol.Message) *protocol.Message {
		a := answerTo(m, "")
		a.Status = protocol.Error
		return a
	}
	done := inBackground(on(t.Context(), c), "x")
	w.send(bare(w.next()))
	got := receive(t, done, "the call")
	wantError(t, got.err, rpcx.Unknown, false)
	var e *rpcx.Error
	if errors.As(got.err, &e); !e.Remote() || e.Error() == "" {
		t.Errorf("error is %#v", e)
	}
	raw := rawInBackground(t.Context(), c, &protocol.Message{Service: "S", Method: "M"})
	w.send(bare(w.next()))
	wantError(t, receive(t, raw, "the raw call").err, rpcx.Unknown, false)

	call := c.Go(t.Context(), "S", "M", []byte("x"), new([]byte), nil)
	w.send(bare(w.next()))
	wantError(t, receive(t, call.Done, "the asynchronous call").Error, rpcx.Unknown, false)
}

// An error reply may carry a reply value; one that does not decode takes nothing away
// from the error.
func TestErrorReplyWithPayload(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	tests := []struct {
		name   string
		change func(a *protocol.Message)
		want   string
	}{
		{"decodes", func(*protocol.Message) {}, "half done"},
		{"does not decode", func(a *protocol.Message) { a.Serialize = 9 }, ""},
		{"does not inflate", func(a *protocol.Message) { a.Compress = protocol.Gzip }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			done := inBackground(on(t.Context(), c), "x")
			a := answerTo(w.next(), "half done")
			a.Status, a.Metadata = protocol.Error, rpcx.Pairs("__rpcx_error__", "gave up")
			tt.change(a)
			w.send(a)
			got := receive(t, done, "the call")
			wantError(t, got.err, rpcx.Unknown, false)
			if got.err.Error() != "gave up" || got.reply != tt.want {
				t.Errorf("got %q, %v", got.reply, got.err)
			}
		})
	}
}

// Bytes that are not a frame end the connection: there is no way to find the next one.
func TestBadFramesEndTheConnection(t *testing.T) {
	t.Parallel()
	good, err := (&protocol.Message{Header: protocol.Header{Type: protocol.Response, Seq: 1}, Payload: []byte("y")}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, b ...byte) []byte {
		f := bytes.Clone(good)
		copy(f[at:], b)
		return f
	}
	tests := []struct {
		name  string
		bytes []byte
		end   bool // the peer closes after them
		code  rpcx.Code
		is    error
	}{
		{"wrong magic", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, rpcx.Internal, protocol.ErrMalformed},
		{"total of 15", with(12, 0, 0, 0, 15), false, rpcx.Internal, protocol.ErrMalformed},
		{"total of 4 GiB", with(12, 0xff, 0xff, 0xff, 0xff), false, rpcx.Internal, protocol.ErrTooLarge},
		{"name past the end", with(16, 0, 0, 0xff, 0xff), false, rpcx.Internal, protocol.ErrMalformed},
		{"negative length", with(24, 0x80, 0, 0, 0), false, rpcx.Internal, protocol.ErrMalformed},
		{"payload too short", with(28, 0, 0, 0, 0), false, rpcx.Internal, protocol.ErrMalformed},
		{"cut in the header", good[:7], true, rpcx.Unavailable, io.ErrUnexpectedEOF},
		{"cut in the body", good[:len(good)-1], true, rpcx.Unavailable, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{})
			done := inBackground(on(t.Context(), c), "x")
			w.next()
			w.sendBytes(tt.bytes)
			if tt.end {
				w.Close()
			}
			got := receive(t, done, "the call")
			wantError(t, got.err, tt.code, false)
			if !errors.Is(got.err, tt.is) || !strings.Contains(got.err.Error(), "outcome unknown") {
				t.Errorf("error is %v", got.err)
			}
			await(t, c.Done(), "the end of the connection")
			if !errors.Is(c.Err(), tt.is) {
				t.Errorf("connection ended with %v", c.Err())
			}
			_, _ = io.Copy(io.Discard, w) // the client has closed it
		})
	}
}

// A frame that has begun must keep coming.
func TestStalledReplyEndsTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{Limits: protocol.Limits{Stall: 3 * time.Second}})
		done := inBackground(on(context.Background(), c), "x")
		w.next()
		began := time.Now()
		w.sendBytes([]byte{0x08, 0, 0x80})
		got := <-done
		wantError(t, got.err, rpcx.Unavailable, false)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v, want 3 s", took)
		}
		<-c.Done()
	})
}

// A server that never answers costs a call its deadline and nothing else.
func TestSilenceEndsWithDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, w := newPeer(t).dial(client.Option{})
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := c.Call(ctx, "S", "M", []byte("x"), new([]byte))
		wantError(t, err, rpcx.DeadlineExceeded, false)
		if took := time.Since(began); took != 250*time.Millisecond {
			t.Errorf("took %v, want 250 ms", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v does not match context.DeadlineExceeded", err)
		}
		if c.Pending() != 0 || c.Err() != nil {
			t.Errorf("%d pending, connection ended with %v", c.Pending(), c.Err())
		}
		late := w.next()
		w.reply(late, "late")
		w.sync(c)
		if c.Dropped() != 1 {
			t.Errorf("%d frames were dropped, want the late reply", c.Dropped())
		}
	})
}

// A thousand junk replies neither grow anything nor disturb a call.
func TestReplyStorm(t *testing.T) {
	t.Parallel()
	const n = 5000
	c, w := newPeer(t).dial(client.Option{})
	done := inBackground(on(t.Context(), c), "x")
	m := w.next()
	for i := range n {
		a := answerTo(m, "junk")
		a.Seq = uint64(1<<32 + i)
		w.send(a)
	}
	w.reply(m, "y")
	wantOK(t, receive(t, done, "the call"), "y")
	if c.Dropped() != n || c.Pending() != 0 {
		t.Errorf("%d dropped, %d pending; want %d, 0", c.Dropped(), c.Pending(), n)
	}
}

// Connections that break under many callers leave nothing behind and fail each call
// once, with a definite error.
func TestConnectionsBreakUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, connectionsBreakUnderLoad)
}

func connectionsBreakUnderLoad(t *testing.T) {
	p := newPeer(t)
	var mu sync.Mutex
	n := 0
	p.answer(func(w *wire, m *protocol.Message) {
		mu.Lock()
		n++
		broken := n%50 == 0
		mu.Unlock()
		if broken {
			w.Close()
			return
		}
		w.reply(m, string(m.Payload))
	})
	x := p.client(client.Failfast, client.Option{})
	var callers sync.WaitGroup
	for g := range 16 {
		callers.Go(func() {
			for i := range 100 {
				args := fmt.Sprint(g, "/", i)
				var reply []byte
				err := x.Call(t.Context(), "M", []byte(args), &reply)
				switch {
				case err == nil && string(reply) != args:
					t.Errorf("sent %q, got %q", args, reply)
				case err != nil && rpcx.CodeOf(err) != rpcx.Unavailable:
					t.Errorf("call %s: %v", args, err)
				}
			}
		})
	}
	callers.Wait()
}
