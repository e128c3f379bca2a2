// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

// difference is where our server deliberately answers otherwise than a real one.
type difference struct {
	id    string // of the transcript or vector
	why   string
	lines []string // as wireFrame.diff and the replay have them
}

// differences from the transcripts. Whatever stands here is all there may be.
func differences() []difference {
	coded := func(id string, seq int, code string) difference {
		return difference{id, "errors carry their code beside the text", []string{added(seq, "__rpcx_code", code)}}
	}
	unexecuted := func(id string, seq int, code string) difference {
		d := coded(id, seq, code)
		d.why += ", and whether the call certainly did not run"
		d.lines = append(d.lines, added(seq, "__rpcx_not_executed", "1"))
		return d
	}
	also := func(d difference, why, line string) difference {
		d.why += "; " + why
		d.lines = append(d.lines, line)
		return d
	}
	return []difference{
		coded("error-plain", 0, "2"),
		coded("error-with-reply", 0, "2"),
		coded("error-custom-json", 0, "2"),
		coded("error-function", 0, "2"),
		coded("error-handler", 0, "2"),
		coded("server-error-func", 0, "2"),
		unexecuted("error-unknown-service", 0, "12"),
		unexecuted("error-unknown-method", 0, "12"),
		unexecuted("error-unknown-serialize", 5, "12"),
		unexecuted("rate-limit", 1, "8"),
		also(unexecuted("error-bad-args", 0, "3"), "the text says what the arguments were for",
			`seq 0: __rpcx_error__: rpcx "json: cannot unmarshal string into Go value of type main.Args", we "arguments of Arith.Mul: json: cannot unmarshal string into Go value of type interop.VArgs"`),
		also(unexecuted("error-raw-to-struct", 0, "3"), "an error and not the text of a panic",
			`seq 0: __rpcx_error__: rpcx "reflect: call of reflect.Value.SetBytes on struct Value", we "arguments of Arith.Mul: raw: cannot decode into *interop.VArgs: want a non-nil pointer to a []byte"`),
		also(unexecuted("auth-failure", 0, "16"), "a refused call does not cost the connection", "end: rpcx closed, we open"),
		{"service-panic", "a panic is an error with a code, and its text, arguments, stack and reply stay here", []string{
			added(0, "__rpcx_code", "13"),
			`seq 0: __rpcx_error__: rpcx "[service internal error]: boom, method: Panic, argv: &{A:10 B:20}, stack: *", we "[service internal error]: panic, method: Panic"`,
			`seq 0: payload: rpcx "\x81\xa1C\x00", we ""`,
		}},
		{"auth-failure-oneway", "a refused call does not cost the connection", []string{"end: rpcx closed, we open"}},
		{"response-bit-on-request", "a response is never executed", []string{"seq 6: rpcx answered, we did not"}},
		{
			"echoed-header-bits", "the status of a reply is its own",
			[]string{"seq 8: header: rpcx " + head(7, 3, 5, 8) + ", we " + head(7, 0, 5, 8)},
		},
		{"alias-plugin", "a reply bears the names that were called", []string{"seq 0: names: rpcx Arith.Mul, we a.b.c.Times"}},
		{
			"nested-call-metadata", "nothing of an inner call gets into the reply of the outer one",
			[]string{`seq 0: __ServerAddress: rpcx "*", we none`, `seq 0: __rpcx_error__: rpcx "arith failed: 除零", we none`},
		},
	}
}

func added(seq int, key, value string) string {
	return fmt.Sprintf("seq %d: %s: rpcx none, we %q", seq, key, value)
}

func head(version uint8, status protocol.StatusType, reserved uint8, seq uint64) string {
	return fmt.Sprintf("%+v", protocol.Header{
		Version: version, Type: protocol.Response, Status: status, Serialize: protocol.JSON, Reserved: reserved, Seq: seq,
	})
}

// writeDifferences prints where our server deliberately differs, and why.
func writeDifferences(w io.Writer) {
	fmt.Fprint(w, "\nDeliberate differences between what a real server answered and what ours does:\n")
	var whys []string
	ids := make(map[string][]string)
	for _, d := range append(differences(), strictness()...) {
		if ids[d.why] == nil {
			whys = append(whys, d.why)
		}
		ids[d.why] = append(ids[d.why], d.id)
	}
	for _, why := range whys {
		fmt.Fprintf(w, "- %s (%s)\n", why, strings.Join(ids[why], ", "))
	}
}

// replayable reports whether a transcript is one of frames over a plain connection, and
// was written down with its bytes.
func replayable(tr transcript) bool {
	if tr.Transport != "tcp" && tr.Transport != "unix" || strings.HasPrefix(tr.ID, "file-") || strings.HasPrefix(tr.ID, "stream") {
		return false // transports, files and streams have tests of their own
	}
	return len(tr.Steps) > 0
}

// TestReplay plays the client's part of every transcript and compares the answers with
// those that were recorded: our server's, and, to prove the player, a real one's.
func TestReplay(t *testing.T) {
	t.Parallel()
	known := differences()
	played := 0
	for _, tr := range vectors(t).Transcripts {
		if !replayable(tr) {
			continue
		}
		played++
		t.Run(tr.ID+"/our", func(t *testing.T) {
			t.Parallel()
			network, address := place(t, tr)
			s := recordedOurs(t, network, address, conditions(tr.ID))
			silent := tr.ID == "response-bit-on-request"
			compare(t, play(t, tr, network, s.Address().String(), silent), known, tr.ID)
		})
		t.Run(tr.ID+"/rpcx", func(t *testing.T) {
			t.Parallel()
			network, address := place(t, tr)
			s := recordedTheirs(t, network, address, conditions(tr.ID), nil)
			got := play(t, tr, network, s.Address().String(), false)
			if tr.ID == "error-bad-args" { // which names the type of the service
				got = slices.DeleteFunc(got, func(l string) bool { return strings.Contains(l, "interop.VArgs") })
			}
			compare(t, got, nil, tr.ID)
		})
	}
	if played < 35 {
		t.Errorf("%d transcripts were played, there should be more: the file is read wrongly", played)
	}
	for _, d := range known {
		vectors(t).transcript(t, d.id)
	}
}

// compare holds what was found against the differences that are known of id.
func compare(t *testing.T, got []string, known []difference, id string) {
	t.Helper()
	var want []string
	for _, d := range known {
		if d.id == id {
			want = append(want, d.lines...)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("differences:\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// place returns where to serve a transcript.
func place(t *testing.T, tr transcript) (network, address string) {
	if tr.Transport == "unix" {
		return "unix", filepath.Join(t.TempDir(), "s")
	}
	return "tcp", "127.0.0.1:0"
}

// play sends what the client of a transcript sent and returns how the answers differ.
func play(t *testing.T, tr transcript, network, address string, silent bool) []string {
	t.Helper()
	p := dialPlayer(t, network, address)
	var lines []string
	closed := false // by the server, before the client did
	for _, step := range tr.Steps {
		switch {
		case step.Conn != "" && step.Conn != "outer":
		case step.Event != "":
			closed = closed || step.From == "server" && !p.left && tr.ID != "push" // there the server was stopped
			p.left = p.left || step.From == "client"
		case step.From == "client":
			p.write(unhex(t, step.Hex))
		default:
			lines = append(lines, p.expect(step.Frames, silent)...)
		}
	}
	extra, open := p.rest()
	for _, f := range extra {
		lines = append(lines, fmt.Sprintf("seq %d: we answered, rpcx did not", f.head.Seq))
	}
	if open == closed {
		lines = append(lines, fmt.Sprintf("end: rpcx %s, we %s", state(!closed), state(open)))
	}
	return lines
}

func state(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}

// player is a client that sends what it is told.
type player struct {
	t    *testing.T
	conn net.Conn
	in   *protocol.Reader
	held []wireFrame // came out of turn
	left bool
}

// patience is for answers that do not come; nothing waits for it otherwise.
const patience = 20 * time.Second

func dialPlayer(t *testing.T, network, address string) *player {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// The reader must not touch the deadline.
	return &player{t: t, conn: conn, in: protocol.NewReader(struct{ io.Reader }{conn}, protocol.Limits{})}
}

func (p *player) write(b []byte) {
	if _, err := p.conn.Write(b); err != nil {
		p.t.Logf("write: %v", err) // what that comes to shows in the answers
	}
}

// next returns the next frame; false at the end of the connection.
func (p *player) next() (wireFrame, bool) {
	f, err := p.in.Next()
	var ne net.Error
	switch {
	case errors.As(err, &ne) && ne.Timeout():
		p.t.Fatal("the answer does not come")
	case err != nil:
		return wireFrame{}, false
	}
	return toCompare(p.t, f.Message()), true
}

// expect reads the answers that real rpcx gave, in any order, and returns how they
// differ. Those that are known not to come are not waited for.
func (p *player) expect(frames []frameVector, silent bool) []string {
	var lines []string
	var want []wireFrame
	for i := range frames {
		f := frames[i].read(p.t)
		f.mask()
		want = append(want, f)
	}
	for len(want) > 0 && !silent {
		f, ok := p.next()
		if !ok {
			break
		}
		f.mask()
		i := slices.IndexFunc(want, func(w wireFrame) bool { return w.head.Seq == f.head.Seq && w.head.Type == f.head.Type })
		if i < 0 {
			p.held = append(p.held, f)
			continue
		}
		lines = append(lines, f.diff(want[i])...)
		want = slices.Delete(want, i, i+1)
	}
	for _, w := range want {
		lines = append(lines, fmt.Sprintf("seq %d: rpcx answered, we did not", w.head.Seq))
	}
	return lines
}

// probe is the sequence id of the heartbeat that shows that no answer is on its way.
const probe = 1 << 60

// rest returns what came besides, and whether the connection is open.
func (p *player) rest() ([]wireFrame, bool) {
	beat := protocol.Message{Header: protocol.Header{Heartbeat: true, Seq: probe}}
	b, err := beat.AppendBinary(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(b)
	for {
		f, ok := p.next()
		if !ok {
			return p.held, false
		}
		if f.head.Heartbeat && f.head.Seq == probe {
			return p.held, p.hangUp()
		}
		p.held = append(p.held, f)
	}
}

// hangUp half-closes the connection, whereupon the server must close it.
func (p *player) hangUp() bool {
	if err := p.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
	if f, more := p.next(); more {
		p.held = append(p.held, f)
	}
	return true
}
