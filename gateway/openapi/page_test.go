// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the page makes of schemas, without a page: examples/reflection tests that.
const pageChecks = `
const { sample, outline, pretty } = await import(process.argv[1]);
const defs = {
  "a.Tree": { type: "object", properties: { name: { type: "string" }, kids: { type: ["array", "null"], items: { $ref: "#/components/schemas/a.Tree" } } } },
  "a.Args": { type: "object", properties: {
    n: { type: "integer", minimum: 3 }, at: { type: "string", format: "date-time" }, size: { enum: ["S", "M"] }, sum: { type: "array", items: { type: "integer" }, minItems: 2 },
    maybe: { anyOf: [{ $ref: "#/components/schemas/a.Tree" }, { type: "null" }] }, once: { readOnly: true }, any: {}, none: { not: {} },
    many: { type: "object", additionalProperties: { type: "boolean" } }, __proto__x: { type: "boolean" }, lost: { $ref: "#/components/schemas/constructor" },
  } },
  "a.Loop": { $ref: "#/components/schemas/a.Loop" },
};
for (let i = 0; i < 12; i++) { // each refers to all the others
  defs["w" + i] = { type: "object", properties: Object.fromEntries([...Array(12).keys()].map((k) => ["p" + k, { $ref: "#/components/schemas/w" + k }])) };
}
const api = { components: { schemas: defs } };
const ref = (name) => ({ $ref: "#/components/schemas/" + name });
console.log(JSON.stringify(sample(api, ref("a.Args"))));
console.log(JSON.stringify(sample(api, ref("a.Tree"))), sample(api, ref("a.Loop")), sample(api, true), sample(api, undefined));
console.log(JSON.stringify(sample(api, ref("w0"))).length < 20000);
console.log(outline(api, { Arguments: ref("a.Args"), Reply: { type: "string" } }).map((t) => t.name + "/" + t.members.length).join(" "));
console.log(outline(api, { Arguments: ref("a.Args") })[1].members.map((m) => m.type).join("; "));
console.log(pretty('{"a":[1e400,9007199254740993,"x\\"{,:"],"b":{},"c":[ ]}').replaceAll("\n", "~"));
console.log(pretty("no {json"), pretty('""'), pretty("[]"));
const began = performance.now(); // a minute where the time grows with the square of the length
const long = Array(60000).fill({ id: 1, name: "abc", list: [], none: {} });
console.log(pretty(JSON.stringify(long)) === JSON.stringify(long, null, 2), performance.now() - began < 20000);
const wrong = { type: "object", properties: { a: null, b: { type: "array", minItems: -1 }, c: { type: "array", minItems: 2.5, items: true }, d: { anyOf: 5 }, e: { type: "array", minItems: "x" } } };
console.log(JSON.stringify(sample(api, wrong)), outline(api, { Arguments: wrong, Reply: { allOf: 5 } })[0].members.length);
`

func TestPageFunctions(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("not installed: node")
	}
	path, err := filepath.Abs("page/schema.js")
	if err != nil {
		t.Fatal(err)
	}
	// Data, so that node takes the file for a module without being told so.
	program := `import { readFileSync } from "node:fs";` +
		strings.Replace(pageChecks, "process.argv[1]", `"data:text/javascript," + encodeURIComponent(readFileSync(process.argv[1]))`, 1)
	got, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval", program, path).CombinedOutput()
	const want = `{"n":3,"at":"2026-01-01T00:00:00Z","size":"S","sum":[0,0],"maybe":{"name":"","kids":[]},"any":null,"none":null,"many":{},"__proto__x":false,"lost":null}
{"name":"","kids":[]} null null null
true
Arguments/0 Reply/0 a.Args/11 a.Tree/2 constructor/0
integer; date-time; "S" | "M"; [integer]; a.Tree | null; any; any; nothing; {…: boolean}; boolean; constructor
{~  "a": [~    1e400,~    9007199254740993,~    "x\"{,:"~  ],~  "b": {},~  "c": []~}
no {json "" []
true true
{"a":null,"b":[],"c":[null,null],"d":null,"e":[]} 5
`
	if err != nil || string(got) != want {
		t.Errorf("%v, it says\n%s\nwant\n%s", err, got, want)
	}
}
