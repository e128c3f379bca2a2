#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls Arith.Div at the base address $1: as JSON, with rpcx's headers, by JSON-RPC, and wrongly.
number() { sed 's/.*"C":\([0-9]*\).*/\1/'; }
curl -s -H 'Content-Type: application/json' -d '{"A":42,"B":6}' "$1/Arith/Div" | number
echo
curl -s -H 'X-RPCX-SerializeType: 1' -H 'X-RPCX-ServicePath: Arith' -H 'X-RPCX-ServiceMethod: Div' \
	-d '{"A":42,"B":6}' "$1/" | number
echo
curl -s -H 'Content-Type: application/json' \
	-d '{"jsonrpc":"2.0","method":"Arith.Div","params":{"A":42,"B":6},"id":1}' "$1/" | number
echo
curl -s -H 'Content-Type: application/json' -d '{"A":42}' "$1/Arith/Div" | sed 's/.*"detail":"\([^"]*\)".*/\1/'
echo
