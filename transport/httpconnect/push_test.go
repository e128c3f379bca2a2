// SPDX-License-Identifier: Apache-2.0

package httpconnect_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
)

// A client of rpcx loses what comes along with the answer to its CONNECT (Q20), so that
// nothing is pushed to it before it has spoken.
func TestNoPushAlongWithTheAnswerQ20(t *testing.T) {
	t.Parallel()
	s := server.NewServer(server.WithTransport(httpconnect.New(httpconnect.Config{})), server.WithLogger(slog.New(slog.DiscardHandler)))
	err := server.Handle(s, "Echo", "Say", func(context.Context, *[]byte, *[]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve("http", "127.0.0.1:0") }()
	<-s.Started()
	defer func() {
		_ = s.Close() // it has no registry to fail
		<-ended
	}()
	push := func() {
		t.Helper()
		if err := s.PushAll(t.Context(), "News", "Told", rpcx.Metadata{}, []byte("news")); err != nil {
			t.Errorf("push: %v", err)
		}
	}

	conn := dial(t, s.Address().String())
	if _, err := io.WriteString(conn, "CONNECT /_rpcx_ HTTP/1.0\n\n"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("HTTP/1.0 200 Connected to rpcx\n\n"))
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	for s.Stats().Conns == 0 {
		push()
	}
	push()
	m := &protocol.Message{Header: protocol.Header{Seq: 7}, Service: "Echo", Method: "Say"}
	frame, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	in := protocol.NewReader(conn, protocol.Limits{})
	next := func() *protocol.Message {
		t.Helper()
		f, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		return f.Message()
	}
	if m := next(); m.Seq != 7 || m.Type != protocol.Response {
		t.Errorf("%s.%s was sent before the client had spoken", m.Service, m.Method)
	}
	push()
	if m := next(); m.Method != "Told" {
		t.Errorf("%s.%s came, want the push", m.Service, m.Method)
	}
}
