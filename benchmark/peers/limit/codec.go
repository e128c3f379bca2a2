// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/pb/vt"
)

// Codec encodes messages.
type Codec interface {
	// Append appends the encoding of m to dst.
	Append(dst []byte, m *pb.BenchmarkMessage) ([]byte, error)
	// Unmarshal decodes data into m, which is empty.
	Unmarshal(data []byte, m *pb.BenchmarkMessage) error
}

// Std is Google's runtime.
type Std struct{}

// Append implements Codec.
func (Std) Append(dst []byte, m *pb.BenchmarkMessage) ([]byte, error) {
	return proto.MarshalOptions{}.MarshalAppend(dst, m)
}

// Unmarshal implements Codec.
func (Std) Unmarshal(data []byte, m *pb.BenchmarkMessage) error { return proto.Unmarshal(data, m) }

// VT is the code that vtprotobuf generates.
type VT struct{}

// Append implements Codec.
func (VT) Append(dst []byte, m *pb.BenchmarkMessage) ([]byte, error) {
	v := (*vt.BenchmarkMessage)(m)
	n := v.SizeVT()
	out := slices.Grow(dst, n)[:len(dst)+n]
	_, err := v.MarshalToSizedBufferVT(out[len(dst):])
	return out, err
}

// Unmarshal implements Codec.
func (VT) Unmarshal(data []byte, m *pb.BenchmarkMessage) error {
	return (*vt.BenchmarkMessage)(m).UnmarshalVT(data)
}
