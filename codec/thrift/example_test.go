// SPDX-License-Identifier: Apache-2.0

package thrift_test

import (
	"fmt"

	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/codec/thrift/internal/thriftpb"
)

func Example() {
	var c thrift.Codec
	data, err := c.Append(nil, &thriftpb.TReply{C: 200})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", data)

	var got thriftpb.TReply
	err = c.Unmarshal(data, &got)
	fmt.Println(got.C, err)
	// Output:
	// 08 00 01 00 00 00 c8 00
	// 200 <nil>
}
