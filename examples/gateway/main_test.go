// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// POST /Arith/Mul 200
	//   {"C":42}
	// POST /Arith/Div 400
	//   {"type":"about:blank","title":"Bad Request","status":400,"detail":"division by zero","code":"invalid_argument"}
	// POST /Text/Shout 200
	//   {"Text":"HELLO!"}
	// POST /Nobody/Shout 404
	//   {"type":"about:blank","title":"Not Found","status":404,"detail":"rpcx: can't find service Nobody","code":"unimplemented"
	// POST /Text/Shout 403
	//   {"type":"about:blank","title":"Forbidden","status":403,"detail":"origin \"https://evil.example\" is not allowed","code":
	// GET /readyz 200
	//   ok
	// GET /docs/openapi.json 200
	//   {"openapi":"3.1.0","info":{"title":"Gateway","version":"1"},"servers":[{"url":"/"}],"tags":[{"name":"Arith"},{"name":"Te
	// GET /metrics 200
	//   rpcx_server_calls_total{code="invalid argument",method="Div",service="Arith"} 1
	//   rpcx_server_calls_total{code="ok",method="Describe",service="Reflection"} 2
	//   rpcx_server_calls_total{code="ok",method="Mul",service="Arith"} 1
	//   rpcx_server_calls_total{code="ok",method="Shout",service="Text"} 1
}
