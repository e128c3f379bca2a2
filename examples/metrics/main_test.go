// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// rpcx_client_calls_total{code="invalid argument",method="Div",service="Arith"} 1.0
	// rpcx_client_calls_total{code="ok",method="Div",service="Arith"} 2.0
	// rpcx_client_connections{network="tcp"} 1.0
	// rpcx_server_calls_total{code="invalid argument",method="Div",service="Arith"} 1.0
	// rpcx_server_calls_total{code="ok",method="Div",service="Arith"} 2.0
	// rpcx_server_connections{network="tcp"} 1.0
	// exemplar: trace_id="4bf92f3577b34da6a3ce929d0e0e4736"
}
