// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// server: Arith.Mul for ada: <nil>
	// client: Arith.Mul for ada: <nil>
	// ada got 42, <nil>
	// server: Arith.Mul for bob: only ada may call Arith.Mul
	// client: Arith.Mul for bob: only ada may call Arith.Mul
	// bob got 0, only ada may call Arith.Mul
}
