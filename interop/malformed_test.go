// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"slices"
	"testing"
)

// strictness are the broken frames that our server deliberately takes otherwise than a
// real one.
func strictness() []difference {
	refused := func(id, why string, answers int) difference {
		d := difference{id, why, []string{"end: rpcx open, we closed"}}
		for range answers {
			d.lines = append(d.lines, "seq 77: rpcx answered, we did not")
		}
		return d
	}
	const (
		cut      = "a frame whose parts run past its end is broken, not empty"
		length   = "a payload is as long as it says, or two readers can disagree on it"
		argument = "a payload that does not decompress is an error of that call; the connection stays"
	)
	answered := func(id, text, code string) difference {
		return difference{id, argument, []string{
			"end: rpcx closed, we open",
			fmt.Sprintf("seq 77: we answered %q with code %s, rpcx did not", text, code),
		}}
	}
	return []difference{
		refused("bad-magic", "nothing but frames is served on this port, so there is nothing to wait for", 0),
		refused("total-zero", cut, 1),
		refused("total-3", cut, 1),
		refused("path-length-too-long", cut, 1),
		refused("path-length-huge", cut, 1),
		refused("method-missing", cut, 1),
		refused("meta-missing", cut, 1),
		refused("payload-length-missing", cut, 1),
		refused("payload-length-smaller", length, 1),
		refused("payload-length-larger", length, 1),
		answered("gzip-garbage", "decompress arguments: gzip: invalid header", "3"),
		answered("gzip-truncated", "decompress arguments: gzip: unexpected EOF", "3"),
		answered("compress-2", "unsupported compressor: number 2", "12"),
		answered("compress-7", "unsupported compressor: number 7", "12"),
		{"bad-magic-second-frame", "the good frame before a broken one is answered", []string{
			"seq 77: we answered \"\" with code , rpcx did not",
		}},
	}
}

// TestMalformed sends what real rpcx was sent to our server.
func TestMalformed(t *testing.T) {
	t.Parallel()
	known := strictness()
	for _, v := range vectors(t).Malformed {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			s := recordedOurs(t, "tcp", "127.0.0.1:0", condition{maxFrame: v.Behaviour.MaxFrame})
			p := dialPlayer(t, "tcp", s.Address().String())
			p.write(unhex(t, v.Hex))
			silent := slices.ContainsFunc(known, func(d difference) bool { return d.id == v.ID })
			lines := p.expect(v.Behaviour.Answers, silent)
			extra, open := p.rest()
			for _, f := range extra {
				lines = append(lines, fmt.Sprintf("seq %d: we answered %q with code %s, rpcx did not",
					f.head.Seq, f.metadata["__rpcx_error__"], f.metadata["__rpcx_code"]))
			}
			if open == v.Behaviour.Closed {
				lines = append(lines, fmt.Sprintf("end: rpcx %s, we %s", state(!v.Behaviour.Closed), state(open)))
			}
			compare(t, lines, known, v.ID)
		})
	}
}
