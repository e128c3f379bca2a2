# SPDX-License-Identifier: Apache-2.0
"""Calls Arith.Div: as JSON, with rpcx's headers, by JSON-RPC, and wrongly."""
import json
import sys
import urllib.error
import urllib.request


def post(path, value, headers):
    body = json.dumps(value).encode()
    request = urllib.request.Request(sys.argv[1] + path, body, headers)
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)


JSON = {"Content-Type": "application/json"}
INVOKE = {"X-RPCX-SerializeType": "1", "X-RPCX-ServicePath": "Arith", "X-RPCX-ServiceMethod": "Div"}
ARGS = {"A": 42, "B": 6}

print(post("/Arith/Div", ARGS, JSON)["C"])
print(post("/", ARGS, INVOKE)["C"])
print(post("/", {"jsonrpc": "2.0", "method": "Arith.Div", "params": ARGS, "id": 1}, JSON)["result"]["C"])
print(post("/Arith/Div", {"A": 42}, JSON)["detail"])
