// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// msgpack
	// json
	// protobuf
	// thrift
	// raw
	// 42 42 42 42
}
