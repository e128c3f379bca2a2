// SPDX-License-Identifier: Apache-2.0

// Calls Arith.Div: as JSON, with rpcx's headers, by JSON-RPC, and wrongly.
const post = async (path, value, headers) =>
  (await fetch(process.argv[2] + path, { method: "POST", headers, body: JSON.stringify(value) })).json();

const json = { "Content-Type": "application/json" };
const invoke = { "X-RPCX-SerializeType": "1", "X-RPCX-ServicePath": "Arith", "X-RPCX-ServiceMethod": "Div" };
const args = { A: 42, B: 6 };

console.log((await post("/Arith/Div", args, json)).C);
console.log((await post("/", args, invoke)).C);
console.log((await post("/", { jsonrpc: "2.0", method: "Arith.Div", params: args, id: 1 }, json)).result.C);
console.log((await post("/Arith/Div", { A: 42 }, json)).detail);
