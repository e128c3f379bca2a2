// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// A matrix that could not fail would prove nothing: what it is made of is tested here.

func TestCells(t *testing.T) {
	t.Parallel()
	all, unixTLS, err := families(t.TempDir(), nil, nil, new(relay))
	must(t, err)
	b := &bench{families: all, unixTLS: unixTLS}
	cells := b.cells()
	names := make(map[string]bool)
	for _, c := range cells {
		names[c.name] = true
	}
	if len(names) != len(cells) {
		t.Errorf("%d names for %d cells", len(names), len(cells))
	}
	for i, row := range rows(cells) {
		matrix := row[0].family.networks
		if want := len(pairs()) * len(matrix); len(row) != want {
			t.Fatalf("row %d has %d cells, want %d", i, len(row), want)
		}
		for j, c := range row {
			if c.pair != pairs()[j/len(matrix)] || c.network != matrix[j%len(matrix)] {
				t.Errorf("row %d: cell %d is %s", i, j, c.title())
			}
		}
	}
}

func TestCellRun(t *testing.T) {
	t.Parallel()
	problem := errors.New("a problem")
	tests := []struct {
		name string
		run  func(context.Context, *cell) (noteID, error)
		want string
	}{
		{"good", func(context.Context, *cell) (noteID, error) { return good, nil }, "ok"},
		{"noted", func(context.Context, *cell) (noteID, error) { return deaf, nil }, "(4)"},
		{"absent", func(context.Context, *cell) (noteID, error) { return absent, nil }, "-"},
		{"failed", func(context.Context, *cell) (noteID, error) { return good, problem }, "FAIL"},
		{"noted and failed", func(context.Context, *cell) (noteID, error) { return deaf, problem }, "FAIL"},
		{"panic", func(context.Context, *cell) (noteID, error) { panic("help") }, "FAIL"},
	}
	var cells []*cell
	f := &family{name: "a family"}
	for _, tt := range tests {
		c := &cell{capability: &capability{name: tt.name, run: tt.run}, dialect: dialects()[0], pair: pairs()[0], family: f, network: &network{name: "tcp"}}
		c.run(t.Context())
		if c.String() != tt.want {
			t.Errorf("%s: the cell shows %s, want %s", tt.name, c, tt.want)
		}
		cells = append(cells, c)
	}
	if got, want := count(cells), (tally{ok: 1, noted: 1, failed: 3}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	var table bytes.Buffer
	must(t, writeTable(&table, cells))
	for _, want := range []string{
		"a family", "our->our", "\ngood", "(4) rpcx: R18: ", "FAIL failed, raw, plain, our->our over tcp: a problem", "panic: help",
		"5 cells: 1 ok, 1 with a note about rpcx, 3 failed",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &table)
		}
	}
	if strings.Contains(table.String(), "Q16") {
		t.Error("the table has a note that no cell refers to")
	}
}

func TestDialects(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			c := &cell{dialect: d}
			r := d.reply()
			if err := c.check(r, answer{}); err != nil {
				t.Errorf("a fresh reply: %v", err)
			}
			var wrong *mismatch
			if err := c.check(r, answer{Text: "x"}); !errors.As(err, &wrong) {
				t.Errorf("the wrong text: %v", err)
			}
			if err := c.check(r, answer{C: 1}); !errors.As(err, &wrong) {
				t.Errorf("the wrong number: %v", err)
			}
		})
	}
	for _, p := range []packing{plain, gzipBelow, gzipAbove} {
		q := question{"key", p.text("name"), 6, -7}
		if got := unpackQuestion(packQuestion(q)); got != q {
			t.Errorf("%+v came back as %+v", q, got)
		}
		if n := len(packQuestion(q)); (n > 1024) != (p == gzipAbove) {
			t.Errorf("%s: %d bytes", p, n)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	remote := errors.New("the peer's")
	cl := &fakeCaller{is: remote}
	tests := []struct {
		name string
		err  error
		good bool
	}{
		{"as wanted", remote, true},
		{"none", nil, false},
		{"not the peer's", errors.New("the peer's"), false},
	}
	for _, tt := range tests {
		if err := refused(cl, tt.err, "the peer's"); (err == nil) != tt.good {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if refused(cl, remote, "another text") == nil {
		t.Error("another text passes")
	}
}

// fakeCaller knows one error of its peer.
type fakeCaller struct {
	caller
	is error
}

func (c *fakeCaller) remote(err error) (string, bool) {
	if err != nil && err == c.is {
		return err.Error(), true
	}
	return "", false
}

func TestJournal(t *testing.T) {
	t.Parallel()
	var j journal
	ended, end := context.WithCancel(t.Context())
	end()
	if err := j.wait(ended, "x"); !errors.Is(err, context.Canceled) || j.has("x") {
		t.Errorf("%v, %v: x has not happened", err, j.has("x"))
	}
	go j.note("x")
	must(t, j.wait(t.Context(), "x"))
	if !j.has("x") || j.has("y") {
		t.Error("x has happened, and nothing else")
	}
}

// A tap sees frames however they are cut, and says when bytes are none.
func TestTap(t *testing.T) {
	t.Parallel()
	m := protocol.Message{Header: protocol.Header{Seq: 7}, Service: "S", Method: "M", Payload: []byte("abc")}
	frame, err := m.AppendBinary(nil)
	must(t, err)
	tp := newTap()
	near, far := net.Pipe()
	ln := tp.listener(&oneConn{conn: near})
	conn, err := ln.Accept()
	must(t, err)
	go func() {
		for _, b := range append(frame, frame...) {
			_, _ = far.Write([]byte{b})
		}
		_, _ = far.Write([]byte{9}) // no frame begins so
	}()
	go func() {
		for buf := make([]byte, 100); ; {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	must(t, tp.wait(t.Context(), func(frames []seen) bool { return len(frames) == 2 }))
	if f := tp.all()[1]; !f.toServer || !sameFrame(f.Message, &m) {
		t.Errorf("saw %+v", f)
	}
	if err := tp.wait(t.Context(), func([]seen) bool { return false }); !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("%v, want malformed", err)
	}
	if tp.conns() != 1 {
		t.Errorf("%d connections", tp.conns())
	}
	_ = far.Close()
}

// oneConn is a listener with one connection.
type oneConn struct {
	net.Listener
	conn net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) { return l.conn, nil }

func TestFrameDiff(t *testing.T) {
	t.Parallel()
	f := wireFrame{head: protocol.Header{Seq: 3}, service: "S", method: "M", metadata: map[string]string{"a": "1", "b": "2"}, payload: "p"}
	if d := f.diff(f); d != nil {
		t.Errorf("a frame differs from itself: %q", d)
	}
	g := wireFrame{head: protocol.Header{Seq: 3, Oneway: true}, service: "S", method: "N", metadata: map[string]string{"a": "x", "c": "3"}, payload: "q"}
	if d := g.diff(f); len(d) != 6 {
		t.Errorf("%d differences, want header, names, a, b, c, payload:\n%s", len(d), strings.Join(d, "\n"))
	}
}
