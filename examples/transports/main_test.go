// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// over tcp: 42
	// over quic: 42
	// over kcp: 42
	// over utp: 42
}
