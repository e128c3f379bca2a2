// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rpcx-go/rpcx/interop/internal/pb"
	"github.com/rpcx-go/rpcx/interop/internal/th"
	"github.com/rpcx-go/rpcx/protocol"
)

// question and answer are what every call says, whatever types carry it.
type question struct {
	Key  string // names the call to those who watch it
	Text string
	A, B int64
}

type answer struct {
	Text string
	C    int64
}

// Args is a plain struct, for JSON and MessagePack.
type Args struct {
	Key, Text string
	A, B      int64
}

// Reply is what goes back for Args.
type Reply struct {
	Text string
	C    int64
}

// dialect is a codec with types that it can carry.
type dialect struct {
	codec   protocol.SerializeType
	service string // whose methods take these types
	args    func(q question) any
	reply   func() any
	read    func(reply any) answer
}

func (d *dialect) String() string { return d.codec.String() }

// The services of the matrix, one for each set of types.
const (
	bytesService  = "Bytes"
	plainService  = "Plain"
	protoService  = "Proto"
	thriftService = "Thrift"
)

// dialects returns every codec.
func dialects() []*dialect {
	plain := func(c protocol.SerializeType) *dialect {
		return &dialect{
			codec:   c,
			service: plainService,
			args:    func(q question) any { a := Args(q); return &a },
			reply:   func() any { return new(Reply) },
			read:    func(r any) answer { return answer(*r.(*Reply)) },
		}
	}
	return []*dialect{
		{
			codec:   protocol.SerializeNone,
			service: bytesService,
			args:    func(q question) any { return packQuestion(q) },
			reply:   func() any { return new([]byte) },
			read:    func(r any) answer { return unpackAnswer(*r.(*[]byte)) },
		},
		plain(protocol.JSON),
		{
			codec:   protocol.ProtoBuffer,
			service: protoService,
			args:    func(q question) any { return &pb.Args{Key: q.Key, Text: q.Text, A: q.A, B: q.B} },
			reply:   func() any { return new(pb.Reply) },
			read: func(r any) answer {
				m := r.(*pb.Reply)
				return answer{m.GetText(), m.GetC()}
			},
		},
		plain(protocol.MsgPack),
		{
			codec:   protocol.Thrift,
			service: thriftService,
			args:    func(q question) any { return &th.Task{Key: q.Key, Text: q.Text, A: q.A, B: q.B} },
			reply:   func() any { return th.NewOutcome() },
			read: func(r any) answer {
				m := r.(*th.Outcome)
				return answer{m.Text, m.C}
			},
		},
	}
}

// receivers returns what a server registers: the service of each set of types.
func receivers(b *behaviour) map[string]any {
	return map[string]any{
		bytesService: &Service[[]byte, []byte]{
			b:     b,
			read:  func(a *[]byte) question { return unpackQuestion(*a) },
			write: func(r *[]byte, w answer) { *r = packAnswer(w) },
		},
		plainService: &Service[Args, Reply]{
			b:     b,
			read:  func(a *Args) question { return question(*a) },
			write: func(r *Reply, w answer) { *r = Reply(w) },
		},
		protoService: &Service[pb.Args, pb.Reply]{
			b:     b,
			read:  func(a *pb.Args) question { return question{a.GetKey(), a.GetText(), a.GetA(), a.GetB()} },
			write: func(r *pb.Reply, w answer) { r.Text, r.C = w.Text, w.C },
		},
		thriftService: &Service[th.Task, th.Outcome]{
			b:     b,
			read:  func(a *th.Task) question { return question{a.Key, a.Text, a.A, a.B} },
			write: func(r *th.Outcome, w answer) { r.Text, r.C = w.Text, w.C },
		},
	}
}

// Bytes have no structure of their own: a line of facts, and then the text.

func packQuestion(q question) []byte {
	return fmt.Appendf(nil, "%s %d %d\n%s", q.Key, q.A, q.B, q.Text)
}

func unpackQuestion(b []byte) question {
	facts, text, _ := strings.Cut(string(b), "\n")
	q := question{Text: text}
	if f := strings.Fields(facts); len(f) == 3 {
		q.Key = f[0]
		q.A, _ = strconv.ParseInt(f[1], 10, 64)
		q.B, _ = strconv.ParseInt(f[2], 10, 64)
	}
	return q
}

func packAnswer(w answer) []byte { return fmt.Appendf(nil, "%d\n%s", w.C, w.Text) }

func unpackAnswer(b []byte) answer {
	c, text, _ := strings.Cut(string(b), "\n")
	w := answer{Text: text}
	w.C, _ = strconv.ParseInt(c, 10, 64)
	return w
}
