// SPDX-License-Identifier: Apache-2.0

package kitex

import (
	"context"
	"fmt"

	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"google.golang.org/protobuf/proto"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// What kitex's own generator would make of the service, as far as it is needed.

const method = "Say"

type hello interface {
	Say(ctx context.Context, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error)
}

type implementation struct{ service *peers.Service }

// Say implements hello.
func (i *implementation) Say(_ context.Context, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	i.service.Say(args, reply)
	return reply, nil
}

func serviceInfo() *serviceinfo.ServiceInfo {
	empty := func() any { return new(carrier) }
	return &serviceinfo.ServiceInfo{
		ServiceName:  "Hello",
		HandlerType:  (*hello)(nil),
		PayloadCodec: serviceinfo.Protobuf,
		Methods: map[string]serviceinfo.MethodInfo{
			method: serviceinfo.NewMethodInfo(say, empty, empty, false),
		},
		Extra: map[string]any{"PackageName": "benchmark"},
	}
}

func say(ctx context.Context, handler, args, result any) error {
	h, okH := handler.(hello)
	a, okA := args.(*carrier)
	r, okR := result.(*carrier)
	if !okH || !okA || !okR {
		return fmt.Errorf("kitex: handler %T with %T and %T", handler, args, result)
	}
	reply, err := h.Say(ctx, a.message)
	r.message = reply
	return err
}

// carrier holds the arguments or the result of a call, which kitex hands around
// before there is any message.
type carrier struct{ message *pb.BenchmarkMessage }

// Marshal returns the encoded message.
func (c *carrier) Marshal([]byte) ([]byte, error) { return proto.Marshal(c.message) }

// Unmarshal decodes a message.
func (c *carrier) Unmarshal(data []byte) error {
	c.message = new(pb.BenchmarkMessage)
	return proto.Unmarshal(data, c.message)
}

// GetResult is how kitex asks for what a call returned.
func (c *carrier) GetResult() any { return c.message }
