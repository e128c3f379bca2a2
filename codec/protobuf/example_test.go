// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rpcx-go/rpcx/codec/protobuf"
)

func Example() {
	var c protobuf.Codec
	data, err := c.Append(nil, wrapperspb.String("hello"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", data)

	var got wrapperspb.StringValue
	err = c.Unmarshal(data, &got)
	fmt.Println(got.Value, err)

	_, err = c.Append(nil, "hello")
	fmt.Println(err)
	// Output:
	// "\n\x05hello"
	// hello <nil>
	// protobuf: cannot encode string: not a pointer to a message
}
