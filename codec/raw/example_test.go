// SPDX-License-Identifier: Apache-2.0

package raw_test

import (
	"fmt"

	"github.com/rpcx-go/rpcx/codec/raw"
)

func Example() {
	var c raw.Codec
	data, err := c.Append(nil, []byte("as it is"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var got []byte
	err = c.Unmarshal(data, &got)
	fmt.Printf("%s %v\n", got, err)

	_, err = c.Append(nil, 42)
	fmt.Println(err)
	// Output:
	// as it is <nil>
	// raw: cannot encode int: want a []byte or a non-nil pointer to one
}
