// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/interop/internal/pb"
	"github.com/rpcx-go/rpcx/interop/internal/th"
	"github.com/rpcx-go/rpcx/protocol"
)

// A program for real rpcx, ported: what it did when a transcript was recorded.
type program struct {
	transcript string
	service    string
	option     client.Option
	run        func(ctx context.Context, x *client.XClient) error
}

func call(method string, args, reply any) func(context.Context, *client.XClient) error {
	return func(ctx context.Context, x *client.XClient) error { return x.Call(ctx, method, args, reply) }
}

// fails is for calls whose error is what is recorded.
func fails(method string, args, reply any, text string) func(context.Context, *client.XClient) error {
	return func(ctx context.Context, x *client.XClient) error {
		if err := x.Call(ctx, method, args, reply); err == nil || err.Error() != text {
			return errors.Join(errors.New("the call did not fail with: "+text), err)
		}
		return nil
	}
}

func programs() []program {
	ten := &VArgs{10, 20}
	blob := &VBlob{string(bytes.Repeat([]byte("0123456789"), 120))}
	gzip := client.Option{CompressType: protocol.Gzip}
	return []program{
		{"call-msgpack", "Arith", client.DefaultOption, call("Mul", ten, new(VReply))},
		{"call-json", "Arith", client.Option{SerializeType: protocol.JSON}, call("Mul", ten, new(VReply))},
		{"call-protobuf", "PB", client.Option{SerializeType: protocol.ProtoBuffer}, call("Mul", &pb.PArgs{A: 10, B: 20}, new(pb.PReply))},
		{"call-thrift", "TH", client.Option{SerializeType: protocol.Thrift}, call("Mul", &th.TArgs_{A: 10, B: 20}, new(th.TReply))},
		{"call-bytes", "Echo", client.DefaultOption, call("Bytes", []byte("raw bytes"), new([]byte))},
		{"call-function", "Fn", client.DefaultOption, call("Mul", ten, new(VReply))},
		{"call-handler", "Raw", client.DefaultOption, call("Mul", ten, new(VReply))},
		{"error-plain", "Arith", client.DefaultOption, fails("Fail", ten, new(VReply), "arith failed: 除零")},
		{"error-with-reply", "Arith", client.DefaultOption, fails("FailWithReply", ten, new(VReply), "partial result")},
		{"error-unknown-service", "Nope", client.DefaultOption, fails("Mul", ten, new(VReply), "rpcx: can't find service Nope")},
		{"error-unknown-method", "Arith", client.DefaultOption, fails("Nope", ten, new(VReply), "rpcx: can't find method Nope")},
		{"error-bad-args", "Arith", client.Option{SerializeType: protocol.JSON}, fails("Mul", "oops", new(VReply),
			"json: cannot unmarshal string into Go value of type interop.VArgs")},
		{"metadata-both-ways", "Arith", client.DefaultOption, func(ctx context.Context, x *client.XClient) error {
			return x.Call(ctx, "Meta", &VArgs{1, 1}, new(VReply), client.WithMetadata(protocol.Pairs("caller", "vec")))
		}},
		{"oneway", "Arith", client.DefaultOption, func(ctx context.Context, x *client.XClient) error {
			return errors.Join(
				x.Call(ctx, "Mul", ten, nil),
				x.Oneshot(ctx, "Fail", ten),
				x.Call(ctx, "Mul", &VArgs{3, 4}, new(VReply)))
		}},
		{"gzip-call", "Echo", gzip, call("Blob", blob, new(VBlob))},
		{"gzip-small-request", "Echo", gzip, call("Big", &VArgs{A: 1100}, new(VBlob))},
		{"xclient-auth-deadline", "Arith", client.DefaultOption, func(ctx context.Context, x *client.XClient) error {
			x.Auth("bearer abc")
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return x.Call(ctx, "Deadline", &VArgs{1, 1}, new(VReply))
		}},
		{"sendraw", "Arith", client.DefaultOption, func(ctx context.Context, x *client.XClient) error {
			_, _, err := x.SendRaw(ctx, &protocol.Message{
				Header:   protocol.Header{Serialize: protocol.JSON, Seq: 1234567},
				Method:   "Meta",
				Metadata: protocol.Pairs("raw", "1"),
				Payload:  []byte(`{"A":1,"B":2}`),
			})
			return err
		}},
	}
}

// TestClientBytes runs ported programs against a real server. But for the hello, and
// sequence ids that begin after it, our client puts the same bytes on the wire.
func TestClientBytes(t *testing.T) {
	t.Parallel()
	for _, p := range programs() {
		t.Run(p.transcript, func(t *testing.T) {
			t.Parallel()
			tap := newTap()
			s := recordedTheirs(t, "tcp", "127.0.0.1:0", condition{}, tap)
			p.option.Codecs, p.option.Logger, p.option.ConnectTimeout = optionalCodecs(), quiet(), dialTimeout
			x := client.NewXClient(p.service, client.Failtry, client.RandomSelect, client.NewPeer2PeerDiscovery(s.address(), ""), p.option)
			defer x.Close()
			if err := p.run(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			sameRequests(t, vectors(t).transcript(t, p.transcript), tap.all())
		})
	}
}

// sameRequests compares what went to the server with what a real client sent.
func sameRequests(t *testing.T, tr transcript, frames []seen) {
	t.Helper()
	frames = toServer(frames)
	if len(frames) == 0 || !frames[0].Heartbeat || frames[0].Seq != 0 || frames[0].Metadata.Get("__rpcx_offer") == "" {
		t.Fatalf("the first frame is not a hello: %+v", frames)
	}
	frames = frames[1:]
	for _, step := range tr.Steps {
		if step.From != "client" || step.Event != "" {
			continue
		}
		recorded := unhex(t, step.Hex)
		for i := range step.Frames {
			if len(frames) == 0 {
				t.Fatal("our client sent fewer frames")
			}
			size := protocol.HeaderSize + int(binary.BigEndian.Uint32(recorded[12:]))
			sameRequest(t, &step.Frames[i], recorded[:size], frames[0].Message)
			recorded, frames = recorded[size:], frames[1:]
		}
	}
	if len(frames) > 0 {
		t.Errorf("our client sent %d frames more, such as %+v", len(frames), frames[0].Message)
	}
}

func sameRequest(t *testing.T, real *frameVector, bytesOfReal []byte, ours *protocol.Message) {
	t.Helper()
	want, got := real.read(t), toCompare(t, ours)
	if got.head.Seq == 0 {
		t.Error("the sequence id is that of the hello")
	}
	want.head.Seq = got.head.Seq
	want.mask()
	got.mask()
	for _, l := range got.diff(want) {
		t.Error(l)
	}
	if len(want.metadata) > 1 || want.head.Compress != protocol.None {
		return // of which the order is free, or the bytes
	}
	encoded, err := ours.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint64(bytesOfReal[4:], ours.Seq)
	if !bytes.Equal(encoded, bytesOfReal) {
		t.Errorf("we sent\n%x, real rpcx\n%x", encoded, bytesOfReal)
	}
}

func toServer(frames []seen) []seen {
	var to []seen
	for _, f := range frames {
		if f.toServer {
			to = append(to, f)
		}
	}
	return to
}
