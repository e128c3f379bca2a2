// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// Failfast   attempts: 1, servers: 1, unavailable, safe to retry: false
	// Failtry    attempts: 2, servers: 1, paid
	// Failover   attempts: 2, servers: 2, paid
	// Failbackup attempts: 2, servers: 2, paid
	// Failover   attempts: 1, servers: 1, unavailable, safe to retry: false
}
