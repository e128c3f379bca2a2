// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/pb/vt"
)

func TestMessageSize(t *testing.T) {
	t.Parallel()
	m := NewMessage(0)
	for _, n := range []int{0, 1, 4999, 1<<21 - 1<<14 - 1, 1<<21 - 1<<14, 1 << 40} {
		Tag(m, n)
		if got := proto.Size(m); got != Size {
			t.Errorf("request %d is %d bytes long, want %d", n, got, Size)
		}
	}
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.StringKind && len(v.String()) != 54 {
			t.Errorf("%s is %d bytes long, want 54", f.Name(), len(v.String()))
		}
		return true
	})
	set := 0
	m.ProtoReflect().Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool { set++; return true })
	if fields := m.ProtoReflect().Descriptor().Fields().Len(); set != fields-2 { // field5 and payload stay empty
		t.Errorf("%d of %d fields are set", set, fields)
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 7, 8, 16, 64 << 10, 1 << 20} {
		m := NewMessage(n)
		if len(m.Payload) != n {
			t.Errorf("payload of %d bytes, want %d", len(m.Payload), n)
		}
		Tag(m, 3)
		if rest := proto.Size(m) - n; rest > 16 {
			t.Errorf("%d bytes beside a payload of %d", rest, n)
		}
	}
}

// Neighbours have different numbers, and so have all that can be under way at once.
func TestTagsDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[int64]bool)
	m := new(pb.BenchmarkMessage)
	for n := range 100_000 {
		Tag(m, n)
		if seen[m.Field22] {
			t.Fatalf("request %d has the number of an earlier one", n)
		}
		seen[m.Field22] = true
	}
}

// The reply is the request in every field but the two that the service sets.
func TestAnswer(t *testing.T) {
	t.Parallel()
	args := NewMessage(0)
	args.Field5, args.Payload = []uint64{1, 2}, []byte("x")
	reply := new(pb.BenchmarkMessage)
	Answer(args, reply)
	want := proto.CloneOf(args)
	want.Field1, want.Field2 = "OK", 100
	if !proto.Equal(reply, want) {
		t.Errorf("got  %v\nwant %v", reply, want)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	args := NewMessage(0)
	Tag(args, 7)
	args.Payload = []byte("payload")
	tests := []struct {
		name  string
		spoil func(*pb.BenchmarkMessage)
		want  string
	}{
		{"right", func(*pb.BenchmarkMessage) {}, ""},
		{"of another request", func(m *pb.BenchmarkMessage) { Tag(m, 8) }, "answers request"},
		{"an echo", func(m *pb.BenchmarkMessage) { m.Field1 = args.Field1 }, "want OK"},
		{"wrong number", func(m *pb.BenchmarkMessage) { m.Field2 = 99 }, "want OK and 100"},
		{"cut off", func(m *pb.BenchmarkMessage) { m.Field131 = 0 }, "last fields"},
		{"cut text", func(m *pb.BenchmarkMessage) { m.Field129 = "" }, "last fields"},
		{"payload too short", func(m *pb.BenchmarkMessage) { m.Payload = m.Payload[1:] }, "carries 6 bytes"},
		{"another payload", func(m *pb.BenchmarkMessage) { m.Payload = []byte("Payload") }, "another one"},
		{"another end", func(m *pb.BenchmarkMessage) { m.Payload = []byte("payloaD") }, "another one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reply := new(pb.BenchmarkMessage)
			Answer(args, reply)
			tt.spoil(reply)
			err := Verify(args, reply)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if Verify(args, nil) == nil {
		t.Error("no reply is no error")
	}
}

// vtprotobuf's code is for the same message: what one writes the other reads.
func TestVT(t *testing.T) {
	t.Parallel()
	for _, payload := range []int{0, 1000} {
		m := NewMessage(payload)
		std, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		fast, err := (*vt.BenchmarkMessage)(m).MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		if len(std) != len(fast) {
			t.Errorf("%d bytes with Google's runtime, %d with vtprotobuf", len(std), len(fast))
		}
		var fromFast pb.BenchmarkMessage
		var fromStd vt.BenchmarkMessage
		if err := proto.Unmarshal(fast, &fromFast); err != nil {
			t.Fatal(err)
		}
		if err := fromStd.UnmarshalVT(std); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(&fromFast, m) || !proto.Equal((*pb.BenchmarkMessage)(&fromStd), m) {
			t.Error("a message changed on its way through vtprotobuf")
		}
	}
}
