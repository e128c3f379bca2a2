// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

// rawResult is what a raw call came to.
type rawResult struct {
	answer *protocol.Message
	err    error
}

func rawInBackground(ctx context.Context, c *client.Conn, m *protocol.Message) <-chan rawResult {
	done := make(chan rawResult, 1)
	go func() {
		answer, err := c.SendRaw(ctx, m)
		done <- rawResult{answer, err}
	}()
	return done
}

// Two raw calls with the default sequence number are both answered: rpcx answers one.
func TestR20_RawCallsWithTheSameSequenceNumber(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	both := make(chan struct{}, 2)
	release := make(chan struct{})
	err := s.HandleRaw("S", "M", func(_ context.Context, in, out *protocol.Message) error {
		both <- struct{}{}
		<-release
		out.Payload = append([]byte("re: "), in.Payload...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Dial(t, client.Option{})
	a := rawInBackground(t.Context(), c, &protocol.Message{Service: "S", Method: "M", Payload: []byte("a")})
	b := rawInBackground(t.Context(), c, &protocol.Message{Service: "S", Method: "M", Payload: []byte("b")})
	await(t, both, "a call")
	await(t, both, "the other call")
	close(release)
	for want, done := range map[string]<-chan rawResult{"re: a": a, "re: b": b} {
		got := receive(t, done, want)
		if got.err != nil || string(got.answer.Payload) != want || got.answer.Seq != 0 {
			t.Errorf("got %+v, %v; want %q with sequence id 0", got.answer, got.err, want)
		}
	}
}

// What the user sets in a header goes out, but for what belongs to the connection.
func TestSendRawHeader(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	m := &protocol.Message{
		Header: protocol.Header{
			Version: 3, Type: protocol.Response, Heartbeat: true, Status: protocol.Error,
			Serialize: 9, Reserved: 5, Seq: 1 << 60,
		},
		Service: "S", Method: "M", Metadata: rpcx.Pairs("k", "v"), Payload: []byte("hello"),
	}
	before := *m
	done := rawInBackground(t.Context(), c, m)
	sent := w.next()
	want := protocol.Header{Version: 3, Serialize: 9, Reserved: 5, Seq: sent.Seq}
	if sent.Header != want || sent.Seq == m.Seq || sent.Seq == w.hello.Seq {
		t.Errorf("sent header %+v, want %+v with a sequence id of the connection's", sent.Header, want)
	}
	if sent.Service != "S" || sent.Method != "M" || sent.Metadata.Get("k") != "v" || string(sent.Payload) != "hello" {
		t.Errorf("sent %+v", sent)
	}
	answer := answerTo(sent, "hi")
	answer.Metadata = rpcx.Pairs("from", "server")
	answer.Service = "nonsense"
	w.send(answer)
	got := receive(t, done, "the answer")
	if got.err != nil {
		t.Fatal(got.err)
	}
	wantAnswer := answer.Header
	wantAnswer.Seq = m.Seq
	if got.answer.Header != wantAnswer || got.answer.Service != "S" || got.answer.Method != "M" {
		t.Errorf("answer is %+v, want header %+v", got.answer, wantAnswer)
	}
	if got.answer.Metadata.Get("from") != "server" || string(got.answer.Payload) != "hi" {
		t.Errorf("answer is %+v", got.answer)
	}
	if !reflect.DeepEqual(*m, before) {
		t.Errorf("the message became %+v, it was %+v", *m, before)
	}
}

func TestSendRawErrorAnswer(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	done := rawInBackground(t.Context(), c, &protocol.Message{Service: "S", Method: "M", Header: protocol.Header{Seq: 7}})
	w.replyError(w.next(), rpcx.Errorf(rpcx.Aborted, "lost the race").WithDetail("winner", "b"))
	got := receive(t, done, "the answer")
	wantError(t, got.err, rpcx.Aborted, false)
	if got.answer == nil || got.answer.Status != protocol.Error || got.answer.Seq != 7 {
		t.Errorf("answer is %+v, want one with status error", got.answer)
	}
	var e *rpcx.Error
	if !errors.As(got.err, &e) || e.Error() != "lost the race" || e.Detail("winner") != "b" || !e.Remote() {
		t.Errorf("error is %#v", got.err)
	}
}

func TestSendRawOneway(t *testing.T) {
	t.Parallel()
	c, w := newPeer(t).dial(client.Option{})
	answer, err := c.SendRaw(t.Context(), &protocol.Message{Header: protocol.Header{Oneway: true}, Service: "S", Method: "M"})
	if answer != nil || err != nil {
		t.Errorf("got %+v, %v; want neither", answer, err)
	}
	if m := w.next(); !m.Oneway || m.Service != "S" {
		t.Errorf("sent %+v", m)
	}
}

// Payloads are plain at both ends, whatever they are on the way.
func TestSendRawCompresses(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("raw "), 1000)
	tests := []struct {
		name    string
		payload []byte
		packed  bool
	}{
		{"long", long, true},
		{"one over the threshold", long[:1025], true},
		{"at the threshold", long[:1024], false},
		{"empty", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{})
			done := rawInBackground(t.Context(), c, &protocol.Message{
				Header: protocol.Header{Compress: protocol.Gzip}, Service: "S", Method: "M", Payload: tt.payload,
			})
			m := w.next()
			if packed := m.Compress == protocol.Gzip; packed != tt.packed {
				t.Errorf("compressed is %t, want %t", packed, tt.packed)
			}
			got := m.Payload
			if tt.packed {
				got = unzip(t, got)
			}
			if !bytes.Equal(got, tt.payload) {
				t.Errorf("sent %d bytes, want %d", len(got), len(tt.payload))
			}
			answer := answerTo(m, "")
			answer.Compress, answer.Payload = protocol.Gzip, zip(t, long)
			w.send(answer)
			r := receive(t, done, "the answer")
			if r.err != nil || r.answer.Compress != protocol.None || !bytes.Equal(r.answer.Payload, long) {
				t.Errorf("answer %v, %v; want %d plain bytes", r.answer.Header, r.err, len(long))
			}
		})
	}
}

func zip(t testing.TB, plain []byte) []byte {
	t.Helper()
	packed, err := gzip.New().Compress(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func unzip(t testing.TB, packed []byte) []byte {
	t.Helper()
	plain, err := gzip.New().Decompress(nil, packed, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestSendRawFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    protocol.Message
		code rpcx.Code
		says string
	}{
		{"unknown compressor", protocol.Message{Header: protocol.Header{Compress: 5}}, rpcx.InvalidArgument, "compress-5"},
		{"too long", protocol.Message{Payload: make([]byte, 1<<20)}, rpcx.ResourceExhausted, "limit"},
		{"long name", protocol.Message{Service: strings.Repeat("s", 2000)}, rpcx.ResourceExhausted, "service name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, w := newPeer(t).dial(client.Option{Limits: protocol.Limits{Frame: 64 << 10}})
			_, err := c.SendRaw(t.Context(), &tt.m)
			wantError(t, err, tt.code, true)
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
			w.sync(c) // the connection goes on, and nothing was sent
		})
	}
}

func TestClientSendRaw(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	err := s.HandleRaw("S", "M", func(ctx context.Context, in, out *protocol.Message) error {
		if string(in.Payload) == "fail" {
			return rpcx.Errorf(rpcx.OutOfRange, "as told")
		}
		out.Payload = []byte(in.Metadata.Get("a") + in.Metadata.Get("b") + in.Metadata.Get("c"))
		return rpcx.SetReplyMetadata(ctx, "saw", in.Metadata.Get(authKey))
	})
	if err != nil {
		t.Fatal(err)
	}
	x := s.Client(t, "S", client.Option{})
	x.Auth("bearer x")
	m := &protocol.Message{Method: "M", Metadata: rpcx.Pairs("a", "1", "b", "2")}
	before := *m
	ctx := rpcx.WithMetadata(t.Context(), rpcx.Pairs("b", "ctx", "c", "3"))
	var trailer rpcx.Metadata
	var peer rpcx.Peer
	md, payload, err := x.SendRaw(ctx, m, client.WithTrailer(&trailer), client.WithPeer(&peer), nil)
	if err != nil || string(payload) != "123" {
		t.Errorf("got %q, %v; want the message's metadata beside that of the context", payload, err)
	}
	if want := map[string]string{"saw": "bearer x"}; !maps.Equal(md, want) || !maps.Equal(trailer.Map(), want) {
		t.Errorf("reply metadata is %v, trailer %v, want %v", md, trailer.Map(), want)
	}
	if peer.Network != "mem" || !reflect.DeepEqual(*m, before) {
		t.Errorf("peer is %+v, message %+v", peer, *m)
	}

	md, _, err = x.SendRaw(t.Context(), &protocol.Message{Method: "M", Payload: []byte("fail")})
	wantError(t, err, rpcx.OutOfRange, false)
	if md["__rpcx_error__"] != "as told" {
		t.Errorf("metadata of the error reply is %v", md)
	}
	md, payload, err = x.SendRaw(t.Context(), &protocol.Message{Method: "M", Header: protocol.Header{Oneway: true}})
	if md != nil || payload != nil || err != nil {
		t.Errorf("one-way gave %v, %q, %v", md, payload, err)
	}
	_, _, err = x.SendRaw(t.Context(), &protocol.Message{Service: "Other", Method: "M"})
	wantError(t, err, rpcx.Unimplemented, true)
}
