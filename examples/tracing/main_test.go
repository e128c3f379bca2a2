// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// <nil> 49
	// Front/Square (internal)
	//   Front/Square (client)
	//     Front/Square (server)
	//       Arith/Mul (internal)
	//         Arith/Mul (client)
	//           Arith/Mul (server)
}
