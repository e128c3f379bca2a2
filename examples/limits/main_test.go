// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// 32 KiB: 32768 bytes came back, too large: false
	// 64 KiB: 0 bytes came back, too large: true
	// 1 KiB: 1024 bytes came back, too large: false
}
