// SPDX-License-Identifier: Apache-2.0

package msgpack_test

import (
	"fmt"

	"github.com/rpcx-go/rpcx/codec/msgpack"
)

func Example() {
	type Point struct {
		X, Y int
		Name string `msgpack:"n,omitempty"`
	}
	var c msgpack.Codec
	data, err := c.Append(nil, &Point{X: 3, Y: -4})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", data)

	var p Point
	err = c.Unmarshal(data, &p)
	fmt.Println(p.X, p.Y, err)

	// Four thousand million elements in five bytes.
	err = c.Unmarshal([]byte("\xdd\xff\xff\xff\xff"), new([]Point))
	fmt.Println(err)
	// Output:
	// "\x82\xa1X\x03\xa1Y\xfc"
	// 3 -4 <nil>
	// msgpack: malformed payload at byte 5: length is over what is left
}
