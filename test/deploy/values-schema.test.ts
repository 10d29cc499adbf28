/** The route file's schema inside values.schema.json, as helm's own validator reads it. */

import assert from "node:assert/strict";
import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

import { embedRouteFile } from "../../scripts/values-schema.ts";
import { type Ran, chart, helm, missing, root } from "../support/manifests.ts";
import { makeDirectory } from "../support/route-file.ts";

const skip = missing("helm");
const standalone = ["--set", "upstream=http://my-app:8000"];

function render(folder: string, ...args: readonly string[]): Ran {
  return helm("template", "x", folder, "--kube-version", "1.36.0", ...args);
}

/** Only the place is compared: newer versions of helm have another validator, with its own messages. */
const wrong: readonly (readonly [string, object, RegExp])[] = [
  ["an unknown key", { headd: "pass" }, /config[./]file'?: .*headd/],
  ["an unknown mode", { head: "covert" }, /config[./]file[./]head'?: .*convert.*auto.*pass/],
  ["a number as a duration", { timeouts: { idle: 30 } }, /config[./]file[./]timeouts[./]idle/],
  [
    "a route without a path",
    { routes: [{ head: "pass" }] },
    /config[./]file[./]routes[./]0'?: .*path/,
  ],
  [
    "a mistake in a reference's target",
    { limits: { waiting: "x" } },
    /config[./]file[./]limits[./]waiting/,
  ],
];

for (const [what, file, message] of wrong) {
  test(`helm refuses a route file with ${what}, and names the place`, { skip }, () => {
    const args = ["--set-json", `config.file=${JSON.stringify(file)}`];
    const { status, stderr } = render(chart, ...standalone, ...args);
    assert.notEqual(status, 0);
    assert.match(stderr, message);
  });
}

test("helm accepts variables wherever the route file does", { skip }, () => {
  const file = { head: "${MODE}", limits: { waiting: "${WAITING:-12}" } };
  const args = ["--set-json", `config.file=${JSON.stringify(file)}`];
  assert.equal(render(chart, ...standalone, ...args).stderr, "");
});

for (const name of readdirSync(join(root, "config")).filter((one) => one.endsWith(".yaml"))) {
  test(`config/${name}, without its addresses, is a route file for the chart`, { skip }, () => {
    const text = readFileSync(join(root, "config", name), "utf8");
    const { listen: _, admin: __, ...file } = parse(text) as Record<string, unknown>;
    const { stderr } = render(chart, "--set-json", `config.file=${JSON.stringify(file)}`);
    assert.equal(stderr, "");
  });
}

test("references resolve inside the chart's schema", { skip }, async (t) => {
  const copy = await makeDirectory(t, {});
  cpSync(chart, copy, { recursive: true });
  const place = join(copy, "values.schema.json");
  const values = JSON.parse(readFileSync(place, "utf8")) as object;
  const routeFile = {
    $defs: { word: { type: "string", pattern: "^w" } },
    properties: { word: { $ref: "#/$defs/word" } },
  };
  writeFileSync(place, JSON.stringify(embedRouteFile(values, routeFile)));
  const check = (file: object): string =>
    render(copy, ...standalone, "--set-json", `config.file=${JSON.stringify(file)}`).stderr;
  assert.equal(check({ word: "w" }), "");
  assert.match(check({ word: "x" }), /config[./]file[./]word/);
});
