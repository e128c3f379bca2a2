// SPDX-License-Identifier: Apache-2.0

// What the page makes of JSON Schema: a value to begin with, and tables to read.

// Bounds of a value to begin with.
const maxDepth = 6;
const maxParts = 1000;

// resolve follows a reference into the document. What leads nowhere permits anything.
function resolve(api, schema) {
  for (let hops = 0; typeof schema?.$ref === "string" && hops < 10; hops++) {
    const name = schema.$ref.replace("#/components/schemas/", "");
    schema = Object.hasOwn(api.components.schemas, name) ? api.components.schemas[name] : {};
  }
  return schema && typeof schema === "object" ? schema : {};
}

const kindOf = (schema) => [schema.type].flat().find((t) => t && t !== "null");

// sample returns a value that fits a schema, unless that is too large.
export function sample(api, schema, depth = 0, within = [], room = { left: maxParts }) {
  const ref = schema?.$ref;
  if (room.left-- <= 0 || depth > maxDepth || (ref && within.includes(ref))) return null;
  if (ref) within = [...within, ref];
  schema = resolve(api, schema);
  const inner = (s) => sample(api, s, depth + 1, within, room);
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum) && schema.enum.length) return schema.enum[0];
  if (schema.not && !kindOf(schema)) return null;
  const choice = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (Array.isArray(choice)) return inner(choice[0]);
  switch (kindOf(schema)) {
    case "string":
      return schema.format === "date-time" ? "2026-01-01T00:00:00Z" : "";
    case "integer":
    case "number":
      return Math.max(schema.minimum ?? 0, Math.min(0, schema.maximum ?? 0));
    case "boolean":
      return false;
    case "array": {
      const first = inner(schema.items ?? {});
      if (first === null && !schema.minItems) return [];
      return Array.from({ length: Math.min(schema.minItems ?? 1, 16) }, () => first); // whatever that is
    }
    case "object": {
      const value = {};
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        if (room.left <= 0) break;
        if (!property?.readOnly) Object.defineProperty(value, name, { value: inner(property), enumerable: true });
      }
      return value;
    }
    default:
      return null;
  }
}

// typeOf says in a few words what a schema permits.
function typeOf(api, schema, depth = 0) {
  if (!schema || typeof schema !== "object" || depth > 8) return "any";
  if (typeof schema.$ref === "string") return schema.$ref.replace("#/components/schemas/", "");
  if (Array.isArray(schema.enum)) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  const choice = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (Array.isArray(choice)) return choice.map((s) => typeOf(api, s, depth + 1)).join(" | ");
  const null_ = [schema.type].flat().includes("null") ? " | null" : "";
  switch (kindOf(schema)) {
    case "array":
      return `[${typeOf(api, schema.items, depth + 1)}]` + null_;
    case "object":
      if (schema.additionalProperties) return `{…: ${typeOf(api, schema.additionalProperties, depth + 1)}}` + null_;
      return "{" + Object.keys(schema.properties ?? {}).join(", ") + "}" + null_;
    case undefined:
      return schema.not ? "nothing" : null_ ? "null" : "any";
    default:
      return (schema.format ?? schema.contentEncoding ?? kindOf(schema)) + null_;
  }
}

// outline returns tables of schemas and of what they refer to, one for each type with a
// name.
export function outline(api, roots) {
  const tables = [];
  const seen = new Set();
  const queue = Object.entries(roots);
  const find = (schema, depth = 0) => {
    if (!schema || typeof schema !== "object" || depth > 16) return;
    if (typeof schema.$ref === "string" && !seen.has(schema.$ref)) {
      seen.add(schema.$ref);
      queue.push([schema.$ref.replace("#/components/schemas/", ""), resolve(api, schema)]);
    }
    for (const part of [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {}),
      ...[schema.anyOf, schema.oneOf, schema.allOf].flat()]) find(part, depth + 1);
  };
  while (queue.length && tables.length < 100) {
    const [name, schema] = queue.shift();
    const members = Object.entries(schema.properties ?? {}).map(([name, part]) => {
      const s = part ?? {};
      return {
        name,
        type: typeOf(api, s),
        packed: [s["x-msgpack-name"], s["x-msgpack-type"] && `as ${s["x-msgpack-type"]}`].filter(Boolean).join(" "),
        about: [s.description, s["x-omitempty"] && "may be left out", s.readOnly && "in replies only"].filter(Boolean).join("\n"),
        deprecated: s.deprecated,
      };
    });
    const about = [schema.description];
    if (schema["x-msgpack-properties"]) {
      about.push("MessagePack has other members: " + Object.keys(schema["x-msgpack-properties"]).join(", "));
    }
    if (schema["x-enum-values"]) {
      about.push(Object.entries(schema["x-enum-values"]).map(([n, v]) => `${v} is ${n}`).join(", "));
    }
    tables.push({ name, type: members.length ? "" : typeOf(api, schema), about: about.filter(Boolean).join("\n"), members });
    find(schema);
  }
  return tables;
}

// pretty indents JSON. It does not parse numbers, of which JavaScript would round the
// large ones. What is no JSON it returns as it is.
export function pretty(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const out = []; // parts: to look at the end of a long text takes long
  let depth = 0;
  let opened = false; // by the token before
  const line = () => "\n" + "  ".repeat(Math.min(depth, 40));
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g)) {
    const closes = token === "}" || token === "]";
    if (closes) depth--;
    if (opened !== closes) out.push(line());
    out.push(token === ":" ? ": " : token);
    opened = token === "{" || token === "[";
    if (opened) depth++;
    if (token === ",") out.push(line());
  }
  return out.join("");
}
