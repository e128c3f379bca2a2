// SPDX-License-Identifier: Apache-2.0

package json_test

import (
	"fmt"

	"github.com/rpcx-go/rpcx/codec/json"
)

func Example() {
	type Point struct {
		X int `json:"x"`
		Y int `json:"y"`
	}
	var c json.Codec
	data, err := c.Append(nil, &Point{X: 3, Y: -4})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", data)

	var v map[string]any
	err = c.Unmarshal([]byte(`{"id": 12345678901234567890}`), &v)
	fmt.Printf("%v %T %v\n", v["id"], v["id"], err)
	// Output:
	// {"x":3,"y":-4}
	// 12345678901234567890 json.Number <nil>
}
