// SPDX-License-Identifier: Apache-2.0

package gzip_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/gzip"
)

func ExampleNew() {
	c := gzip.New()
	packed, err := c.Compress(nil, []byte(strings.Repeat("hello ", 1000)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("smaller:", len(packed) < 100)

	data, err := c.Decompress(nil, packed, 16<<20)
	fmt.Println(len(data), err)

	_, err = c.Decompress(nil, packed, 5999)
	fmt.Println(errors.Is(err, compress.ErrTooLarge))
	// Output:
	// smaller: true
	// 6000 <nil>
	// true
}
