// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// by weight:  map[oslo-1:2 rome-1:6]
	// from Paris: map[rome-1:4]
	// one user:   1 server
	// 100 users:  2 servers
	// in Oslo:    [oslo-1 oslo-2]
	// stable:     map[oslo-1:2 rome-1:2]
}
