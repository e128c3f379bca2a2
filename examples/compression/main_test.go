// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// to a server that knows gzip:
	//   compressed: false
	//   compressed: true
	//   compressed: false
	// to a server that knows zstd as well:
	//   compressed: false
	//   compressed: true
	//   compressed: true
}
