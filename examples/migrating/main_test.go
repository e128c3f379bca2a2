// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// serving Arith Mul
	// 200 for blue
}
