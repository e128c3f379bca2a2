// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// transcript is a conversation between a real rpcx client and a real rpcx server.
type transcript struct {
	ID        string `json:"id"`
	Transport string `json:"transport"`
	Steps     []struct {
		From   string `json:"from"`
		Hex    string `json:"hex"`
		Frames []struct {
			Heartbeat bool   `json:"heartbeat"`
			Seq       string `json:"seq"`
		} `json:"frames"`
	} `json:"steps"`
}

func transcripts(t *testing.T) map[string]transcript {
	t.Helper()
	text, err := os.ReadFile("../protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Transcripts []transcript `json:"transcripts"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]transcript)
	for _, tr := range file.Transcripts {
		all[tr.ID] = tr
	}
	return all
}

// The services of the transcripts.
type (
	classicArith struct{ Arith }
	classicEcho  struct{}
	classicBi    struct{}
	// PArgs and PReply are what a compiler makes of proto3 messages with int32 fields.
	PArgs  struct{ A, B int32 }
	PReply struct{ C int32 }
	Blob   struct{ S string }
)

func (classicArith) Fail(context.Context, *Args, *Reply) error {
	return errors.New("arith failed: 除零")
}

func (classicArith) FailWithReply(_ context.Context, _ *Args, reply *Reply) error {
	reply.C = 77
	return errors.New("partial result")
}

func (classicArith) FailJSON(context.Context, *Args, *Reply) error {
	return errors.New(`{"code": 100, "msg": "error from Mul"}`)
}

func (classicArith) Meta(ctx context.Context, args *Args, reply *Reply) error {
	md := rpcx.IncomingMetadata(ctx)
	if md.Get("caller") != "vec" && md.Get("raw") != "1" {
		return errors.New("the request's metadata is lost")
	}
	reply.C = args.A
	return rpcx.SetReplyMetadata(ctx, "server-says", "hi")
}

func (classicArith) Slow(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A
	return nil
}

func (classicEcho) Bytes(_ context.Context, args *[]byte, reply *[]byte) error {
	*reply = *args
	return nil
}

func (classicEcho) Blob(_ context.Context, args *Blob, reply *Blob) error {
	*reply = *args
	return nil
}

func (classicEcho) Str(_ context.Context, args *string, reply *string) error {
	*reply = *args
	return nil
}

func (classicEcho) Big(_ context.Context, args *Args, reply *Blob) error {
	reply.S = strings.Repeat("abcdefghijklmnopqrstuvwxyz", args.A)[:args.A]
	return nil
}

func (classicBi) Hello(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A
	return nil
}

// Marshal and Unmarshal are those of a generated message.
func (m *PArgs) Marshal() ([]byte, error) { return appendVarints(m.A, m.B), nil }

func (m *PArgs) Unmarshal(b []byte) (err error) { return readVarints(b, &m.A, &m.B) }

func (m *PReply) Marshal() ([]byte, error) { return appendVarints(m.C), nil }

func (m *PReply) Unmarshal(b []byte) (err error) { return readVarints(b, &m.C) }

func appendVarints(values ...int32) []byte {
	var b []byte
	for i, v := range values {
		if v != 0 {
			b = protowire.AppendTag(b, protowire.Number(i+1), protowire.VarintType)
			b = protowire.AppendVarint(b, uint64(v))
		}
	}
	return b
}

func readVarints(b []byte, values ...*int32) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 || kind != protowire.VarintType || int(field) > len(values) {
			return errors.New("no such field")
		}
		v, m := protowire.ConsumeVarint(b[n:])
		if m < 0 {
			return protowire.ParseError(m)
		}
		*values[field-1] = int32(v)
		b = b[n+m:]
	}
	return nil
}

func mulProto(_ context.Context, args *PArgs, reply *PReply) error {
	reply.C = args.A * args.B
	return nil
}

// mulFunction is both the function and, with divided, the handler of the transcripts.
func mulFunction(_ context.Context, args *Args, reply *Reply) error {
	if args.B == 0 {
		return errors.New("function failed")
	}
	reply.C = args.A * args.B
	return nil
}

func mulRaw(_ context.Context, in, out *protocol.Message) error {
	if bytes.HasSuffix(in.Payload, []byte("\xa1B\x00")) {
		return errors.New("handler failed")
	}
	out.Payload = []byte("\x81\xa1C\xcc\xc8") // {"C": 200}
	return nil
}

func classicWorld(t *testing.T, opts ...server.Option) *world {
	t.Helper()
	w := onTCP(t, opts...)
	for _, err := range []error{
		w.RegisterName("Arith", classicArith{}, ""),
		w.RegisterName("Echo", classicEcho{}, ""),
		w.RegisterName("Bi", classicBi{}, ""),
		server.Handle(w.Server, "PB", "Mul", mulProto),
		w.RegisterFunctionName("Fn", "Mul", mulFunction, ""),
		w.HandleRaw("Raw", "Mul", mulRaw),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// What a real rpcx client sends is answered as a real rpcx server answers it, bit for
// bit but for the pairs that this project adds to errors, and gzip's own freedom.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	all := transcripts(t)
	plain := classicWorld(t)
	strict := classicWorld(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "bearer abc" {
			return errors.New("invalid token")
		}
		return nil
	}))
	worlds := map[string]*world{"auth-failure": strict, "auth-heartbeat-exempt": strict}
	for _, id := range []string{
		"call-msgpack", "call-json", "call-protobuf", "call-bytes", "call-function", "call-handler",
		"error-plain", "error-with-reply", "error-custom-json", "error-unknown-service", "error-unknown-method",
		"error-function", "error-handler", "error-bad-args", "error-raw-to-struct", "error-unknown-serialize",
		"echoed-header-bits", "heartbeat-raw", "heartbeat-client", "metadata-both-ways", "oneway",
		"multiplex-out-of-order", "gzip-call", "gzip-small-request", "gzip-threshold", "gzip-response-below-threshold",
		"sendraw", "auth-failure", "auth-heartbeat-exempt",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			w := worlds[id]
			if w == nil {
				w = plain
			}
			replay(t, w, all[id])
		})
	}
}

// replay sends what the client of a transcript sent and compares the answers.
func replay(t *testing.T, w *world, tr transcript) {
	t.Helper()
	if len(tr.Steps) == 0 {
		t.Fatal("there is no such transcript")
	}
	p := w.dial(t)
	var want []*protocol.Message
	for _, step := range tr.Steps {
		raw, err := hex.DecodeString(step.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if step.From == "client" {
			if _, err := p.Write(raw); err != nil {
				t.Fatal(err)
			}
			continue
		}
		r := protocol.NewReader(bytes.NewReader(raw), protocol.Limits{})
		for range step.Frames {
			f, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, f.Message())
		}
	}
	var got []*protocol.Message
	for range want {
		got = append(got, p.receive())
	}
	bySeq := func(a, b *protocol.Message) int { return int(a.Seq) - int(b.Seq) }
	slices.SortStableFunc(want, bySeq)
	slices.SortStableFunc(got, bySeq)
	for i := range want {
		compare(t, tr.ID, got[i], want[i])
	}
	p.silent() // and it goes on: nothing more comes, and nothing was closed
}

func compare(t *testing.T, id string, got, want *protocol.Message) {
	t.Helper()
	header := want.Header
	if id == "echoed-header-bits" {
		header.Status = protocol.Normal // the one thing that is better not echoed
	}
	if got.Header != header || got.Service != want.Service || got.Method != want.Method {
		t.Errorf("answer is %+v to %s.%s, want %+v to %s.%s", got.Header, got.Service, got.Method, header, want.Service, want.Method)
	}
	md := got.Metadata.Map()
	maps.DeleteFunc(md, func(k, v string) bool {
		_, number := strconv.Atoi(v)
		return (k == "__rpcx_code" || k == "__rpcx_not_executed") && number == nil
	})
	wantMD := want.Metadata.Map()
	switch id { // texts that name Go types or functions of rpcx's
	case "error-bad-args":
		if !strings.Contains(errorText(got), "cannot unmarshal string into Go value of type server_test.Args") {
			t.Errorf("error text is %q", errorText(got))
		}
		delete(md, "__rpcx_error__")
		delete(wantMD, "__rpcx_error__")
	case "error-raw-to-struct":
		if !strings.Contains(errorText(got), "*server_test.Args") {
			t.Errorf("error text is %q", errorText(got))
		}
		delete(md, "__rpcx_error__")
		delete(wantMD, "__rpcx_error__")
	}
	if !maps.Equal(md, wantMD) {
		t.Errorf("metadata is %q, want %q", md, wantMD)
	}
	if want.Compress == protocol.Gzip {
		got.Payload, want.Payload = gunzip(t, got.Payload), gunzip(t, want.Payload)
	}
	if !bytes.Equal(got.Payload, want.Payload) {
		t.Errorf("payload is %.60x, want %.60x", got.Payload, want.Payload)
	}
}
