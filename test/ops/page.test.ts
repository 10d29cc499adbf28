/** The status page as text; test/behaviour/status-page.test.ts opens it in a browser. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Script } from "node:vm";

import { HEAD_OUTCOMES } from "../../src/http/head-outcomes.ts";
import { createStatusPage } from "../../src/ops/status/page.ts";

const { body, fields } = createStatusPage();
const policy = fields["Content-Security-Policy"] ?? "";
const [, style = ""] = /<style>([^]*?)<\/style>/.exec(body) ?? [];
const [, script = ""] = /<script>([^]*?)<\/script>/.exec(body) ?? [];

test("the policy allows this style, this script and nothing else", () => {
  const hash = (text: string): string => createHash("sha256").update(text).digest("base64");
  assert.ok(policy.includes(`style-src 'sha256-${hash(style)}';`));
  assert.ok(policy.includes(`script-src 'sha256-${hash(script)}';`));
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
});

test("the page loads nothing from another server", () => {
  const addresses = body.match(/https?:\/\/[^"'\s)]+/g) ?? [];
  assert.deepEqual([...new Set(addresses)], ["http://www.w3.org/2000/svg"]);
  assert.doesNotMatch(body, /\b(?:src|srcset|@import|url)\s*[=(]/);
});

test("the page has no inline code or style that the policy would refuse", () => {
  assert.doesNotMatch(body.replace(script, ""), /\son\w+=|\sstyle=|javascript:/);
});

test("a browser can parse the script, and the script never sets markup", () => {
  assert.doesNotThrow(() => new Script(script));
  assert.doesNotMatch(script, /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(/);
});

test("every id that the script names is on the page", () => {
  const folder = join(import.meta.dirname, "..", "..", "src", "ops", "status", "page");
  const modules = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const source = modules.map((name) => readFileSync(join(folder, name), "utf8")).join("");
  const ids = [...source.matchAll(/\b(?:byId|putById|showQuantity)\(\s*"([\w-]+)"/g)];
  assert.ok(ids.length > 30);
  for (const [, id] of ids) assert.ok(body.includes(`id="${id}"`), id);
});

test("every outcome of a HEAD in the table has its label in the script", () => {
  for (const { label } of Object.values(HEAD_OUTCOMES))
    assert.ok(script.includes(JSON.stringify(label)), label);
});
