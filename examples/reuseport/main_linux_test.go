// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// answered by older
	// both listen on one port: true
	// answered by newer
}
