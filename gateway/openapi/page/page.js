// SPDX-License-Identifier: Apache-2.0

// The page: it reads the OpenAPI document beside it, lists what can be called, and calls
// it. What comes from the document or a server is only ever put into the page as text.

import { outline, pretty, sample } from "./schema.js";

const $ = (id) => document.getElementById(id);

const maxShown = 1 << 20; // characters of a reply

let api; // the document
let operations; // by id, in the order of the document
let current; // the operation that is shown
let underWay; // what ends the call that is under way
const bodies = new Map(); // what the visitor has written, by id

// make returns an element with properties and children.
function make(name, properties = {}, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

function say(text, bad = false) {
  $("state").hidden = !text;
  $("state").textContent = text;
  $("state").className = bad ? "bad" : "";
}

// headers returns those that every request has.
function headers() {
  const token = $("token").value.trim();
  return token ? { Authorization: token } : {};
}

// load reads the document.
async function load() {
  say("Loading…");
  let response, text;
  try {
    response = await fetch("openapi.json", { headers: headers() });
    text = await response.text();
    if (!response.ok) throw new Error(detail(text) ?? `status ${response.status}`);
    api = JSON.parse(text);
  } catch (err) {
    const hint = response?.status === 401 ? " Say a token above and press Reload." : "";
    say(`The services cannot be read: ${err.message}${/[.?!]$/.test(err.message) ? "" : "."}${hint}`, true);
    $("method").hidden = true;
    $("services").replaceChildren();
    if (hint) $("token").focus();
    return;
  }
  document.title = $("title").textContent = api.info.title;
  $("about").textContent = api.info.description ?? "";
  $("base").replaceChildren(...api.servers.map((s) => new Option(new URL(s.url, location.href).href, s.url)));
  $("base").parentElement.hidden = api.servers.length < 2;
  operations = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    operations.set(item.post.operationId, { ...item.post, path });
  }
  list();
  show();
}

// list shows the methods that fit the filter.
function list() {
  const wanted = $("filter").value.toLowerCase();
  const services = new Map((api.tags ?? []).map((t) => [t.name, { about: t.description, links: [] }]));
  for (const [id, op] of operations) {
    if (!id.toLowerCase().includes(wanted)) continue;
    const link = make("a", { href: "#" + encodeURIComponent(id), textContent: op["x-rpcx-method"] });
    if (op.deprecated) link.className = "deprecated";
    if (op === current) link.setAttribute("aria-current", "page");
    services.get(op.tags[0])?.links.push(make("li", {}, link));
  }
  const parts = [];
  for (const [name, { about, links }] of services) {
    if (!links.length) continue;
    parts.push(make("h2", { textContent: name }));
    if (about) parts.push(make("p", { textContent: about.split("\n")[0] }));
    parts.push(make("ul", {}, ...links));
  }
  if (!parts.length) parts.push(make("p", { textContent: wanted ? "No method is called that." : "There are no services." }));
  $("services").replaceChildren(...parts);
}

// show shows the method that the address names.
function show() {
  let id;
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    id = "";
  }
  if (id === "main") return; // the link for keyboards
  const next = operations.get(id);
  if (current && next !== current) {
    underWay?.abort();
    bodies.set(current.operationId, $("body").value);
  }
  current = next;
  list();
  $("method").hidden = !current;
  if (!current) {
    say(id ? `There is no method ${id}.` : operations.size ? "Choose a method." : "");
    return;
  }
  say("");
  $("name").replaceChildren(make("span", { className: "service", textContent: current["x-rpcx-service"] + "." }), current["x-rpcx-method"]);
  $("doc").textContent = current.description ?? current.requestBody.description ?? "";
  $("body").value = bodies.get(current.operationId) ?? template();
  $("result").hidden = true;
  types();
  curl();
}

const argsOf = (op) => op.requestBody.content["application/json"].schema;
const replyOf = (op) => op.responses["200"].content["application/json"].schema;

const template = () => JSON.stringify(sample(api, argsOf(current)), null, 2);

// types shows what the arguments and the reply are made of.
function types() {
  const shown = [];
  for (const table of outline(api, { Arguments: argsOf(current), Reply: replyOf(current) })) {
    const caption = make("caption", {}, make("b", { textContent: table.name }));
    if (table.type) caption.append(" ", make("span", { textContent: table.type }));
    if (table.about) caption.append("\n", make("span", { textContent: table.about }));
    const rows = table.members.map((m) =>
      make("tr", {},
        make("th", { scope: "row", textContent: m.name, className: m.deprecated ? "deprecated" : "" }),
        make("td", { textContent: m.type, className: "type" }),
        make("td", { textContent: m.packed, className: "type" }),
        make("td", { textContent: m.about, className: "about" })));
    const head = ["member", "type", "in MessagePack", ""].map((textContent) => make("th", { scope: "col", textContent }));
    const body = rows.length ? [make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)] : [];
    shown.push(make("div", { className: "wide" }, make("table", {}, caption, ...body)));
  }
  $("types").replaceChildren(...shown);
}

const target = () => new URL($("base").value.replace(/\/$/, "") + current.path, location.href);

// callHeaders returns the headers of a call.
function callHeaders() {
  const all = { "Content-Type": "application/json", ...headers() };
  if ($("timeout").value) all["X-RPCX-Timeout"] = $("timeout").value;
  if ($("meta").value) all["X-RPCX-Meta"] = $("meta").value;
  return all;
}

// curl shows the call as a command.
function curl() {
  if (!current) return;
  const quote = (text) => "'" + text.replaceAll("'", `'\\''`) + "'";
  const lines = ["curl " + quote(target().href)];
  for (const [name, value] of Object.entries(callHeaders())) {
    lines.push("-H " + quote(`${name}: ${name === "Authorization" ? "…" : value}`));
  }
  lines.push("-d " + quote($("body").value));
  $("curl").textContent = lines.join(" \\\n  ");
}

// detail returns what a problem document says.
function detail(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return undefined;
  }
}

// call makes the call, and shows what comes of it.
async function call(event) {
  event.preventDefault();
  underWay?.abort();
  const mine = (underWay = new AbortController());
  $("send").disabled = true;
  $("stop").hidden = false;
  const start = performance.now();
  let response, text;
  try {
    response = await fetch(target(), { method: "POST", headers: callHeaders(), body: $("body").value, signal: mine.signal });
    text = await response.text();
  } catch (err) {
    text = mine.signal.aborted ? "canceled" : `There is no answer: ${err.message}`;
    response = undefined;
  }
  if (mine !== underWay) return; // another call has begun
  underWay = undefined;
  $("send").disabled = false;
  $("stop").hidden = true;
  report(response, text, performance.now() - start);
}

function report(response, text, took) {
  const facts = [];
  const fact = (name, value) => value && facts.push(make("dt", { textContent: name }), make("dd", { textContent: value }));
  $("result").hidden = false;
  $("status").className = response?.ok ? "good" : "bad";
  $("status").textContent = response
    ? `${response.status} ${response.statusText} · ${Math.round(took)} ms · ${new TextEncoder().encode(text).length} bytes`
    : text;
  if (response?.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    let problem = {};
    try {
      problem = JSON.parse(text);
    } catch { /* it is shown as it is */ }
    fact("code", problem.code);
    fact("detail", problem.detail);
  }
  fact("metadata", response?.headers.get("X-RPCX-Meta"));
  fact("retry after", response?.headers.get("Retry-After"));
  $("facts").replaceChildren(...facts);
  $("reply").textContent = !response ? "" : text.length <= maxShown ? pretty(text) : text.slice(0, maxShown) + "…";
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
$("call").addEventListener("submit", call);
$("stop").addEventListener("click", () => underWay?.abort());
$("reset").addEventListener("click", () => {
  $("body").value = template();
  curl();
});
$("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) call(event);
});
$("filter").addEventListener("input", () => api && list());
for (const id of ["body", "timeout", "meta", "token", "base"]) $(id).addEventListener("input", curl);
addEventListener("hashchange", () => {
  if (!api) return;
  show();
  $("main").focus();
});
load();
