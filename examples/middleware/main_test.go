// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// level=WARN msg="calls refused by auth" method=Arith.Mul reason="no identity" times=1
	// level=WARN msg=call side=server service=Arith method=Mul code=unauthenticated error="auth: Arith.Mul is not for callers without an identity"
	// Mul: 0 auth: Arith.Mul is not for callers without an identity
	// level=WARN msg=call side=server service=Arith method=Div code="permission denied" identity=ada error="auth: \"ada\" may not call Arith.Div"
	// Div: 0 auth: "ada" may not call Arith.Div
	// level=INFO msg=call side=server service=Arith method=Mul code=ok identity=ada
	// Times: 42 <nil>
	// level=INFO msg=call side=server service=Arith method=Mul code=ok identity=ada
	// Mul: 42 <nil>
	// level=WARN msg="calls refused by a rate limit" method=Arith.Mul times=1
	// level=WARN msg=call side=server service=Arith method=Mul code="resource exhausted" identity=ada error="rate limit: Arith.Mul: over the limit of 1 a second"
	// level=INFO msg=call side=server service=Arith method=Mul code=ok identity=ada
	// Mul: 42 <nil>
}
