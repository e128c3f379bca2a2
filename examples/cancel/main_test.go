// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// the short report: all is well
	// the long report was canceled: true
	// its handler has stopped
}
