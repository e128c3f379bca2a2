// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// 1 client Arith.Div attempt=0: invalid argument
	// 2 client Arith.Div attempt=0: ok
	// 1 client Arith.Div attempt=1: invalid argument
	// 2 client Arith.Div attempt=1: ok
	// 1 client connection closed
	// 1 client connection opened
	// 1 server Arith.Div attempt=0: invalid argument
	// 2 server Arith.Div attempt=0: ok
	// 1 server connection closed
	// 1 server connection opened
}
