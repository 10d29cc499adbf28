/** The sizing table of docs/operations.md, compared with the measurements, the chart's requests and the other pages. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const HINT = "docs/operations.md, Sizing, is the source: change the table, or what differs from it";

/** The figures of the table, by their first column. */
const sizing = rowsOf(read("docs/operations.md"), "## Sizing");
const figure = (what: string): number => {
  const text = sizing.get(what)?.[0];
  assert.ok(text !== undefined, `the table has no row "${what}"`);
  return Number.parseFloat(text);
};

const performance = read("docs/internals/performance.md");
const inContainer = rowsOf(performance, "## In a container");
const headLoad = rowsOf(performance, "### HEAD, 15 bytes, 32 connections");

test("the chart's requests and limits are those of the sizing table", () => {
  const { resources } = parse(read("helm/headgate/values.yaml")) as { readonly resources: unknown };
  assert.deepEqual(
    resources,
    {
      requests: { cpu: sizing.get("CPU request")?.[0], memory: `${figure("memory request")}Mi` },
      limits: { memory: `${figure("memory limit")}Mi` },
    },
    HINT,
  );
});

// test/deploy/examples.test.ts holds every other example to the chart's container.
test("kustomize components and examples request the same", () => {
  const files = [...filesOf("helm/kustomize"), ...filesOf("examples/kubernetes")];
  const asked = files.flatMap((path) =>
    read(path).match(/(requests|limits): \{[^}]*memory[^}]*\}/g),
  );
  const found = asked.filter((one) => one !== null);
  assert.ok(found.length >= 10);
  assert.deepEqual(
    [...new Set(found)].toSorted(),
    [
      `limits: { memory: ${figure("memory limit")}Mi }`,
      `requests: { cpu: ${sizing.get("CPU request")?.[0]}, memory: ${figure("memory request")}Mi }`,
    ],
    HINT,
  );
});

test("memory in the table is what was measured in a container", () => {
  const charged = (what: string): string => inContainer.get(what)?.[0] ?? "";
  const peak = (what: string): number => Number(/peak (\d+)/.exec(charged(what))?.[1]);
  assert.equal(figure("memory, idle"), Number.parseFloat(charged("start, idle")), HINT);
  const heads = Number.parseFloat(charged("HEAD, 15 bytes, 32 connections"));
  assert.equal(figure("memory, HEADs over 32 connections"), heads, HINT);
  const busy = "GET, 15 bytes, 256 connections";
  assert.equal(figure("memory, GETs over 256 connections"), peak(busy), HINT);
  const downloads = "256 downloads of 100 MB at once";
  assert.equal(figure("memory, 256 downloads of 100 MB"), peak(downloads), HINT);
  const few = Number.parseFloat(charged("GET, 15 bytes, 32 connections"));
  const each = ((Number.parseFloat(charged(busy)) - few) * 1_024) / (256 - 32);
  assertNear(figure("memory of a request in flight"), each);
  const smallest = /a limit of (\d+) MiB \(peak (\d+)\)/.exec(performance);
  assert.equal(figure("smallest memory limit"), Number(smallest?.[1]), HINT);
  assert.match(
    sizing.get("smallest memory limit")?.[1] ?? "",
    new RegExp(`\\b${smallest?.[2]} MiB`),
  );
});

test("the table's requests are enough for the measured use", () => {
  assert.ok(figure("memory request") >= figure("memory, HEADs over 32 connections"), HINT);
  assert.ok(figure("memory limit") >= 1.5 * figure("memory, 256 downloads of 100 MB"), HINT);
  // 25m are 25 ms of CPU a second.
  const heads = (figure("CPU request") * 1_000) / figure("CPU of a HEAD");
  const said = /some (\d+) HEADs/.exec(sizing.get("CPU request")?.[1] ?? "")?.[1];
  assertNear(Number(said), heads);
});

test("CPU and connections in the table are those of the latest runs", () => {
  assertNear(figure("CPU of a HEAD"), Number.parseFloat(headLoad.get("headgate")?.[0] ?? ""));
  const shared = Number.parseFloat(headLoad.get("headgate-share")?.[0] ?? "");
  assertNear(figure("CPU of a HEAD with `share`"), shared);
  const reliability = rowsOf(read("docs/internals/reliability.md"), "### The latest figures");
  const each = Number.parseFloat(reliability.get("memory of each")?.[1] ?? "");
  assertNear(figure("memory of an idle client connection"), each);
});

test("every memory figure of the chart and of other pages is in the table", () => {
  const inMiB = [...sizing].filter(([, [text = ""]]) => text.endsWith(" MiB"));
  const known = new Set(inMiB.map(([what]) => figure(what)));
  const pages = ["docs/kubernetes.md", "docs/docker.md", "docs/runbook.md", "README.md"];
  const charts = ["helm", "examples"].flatMap(filesOf).filter((path) => !path.endsWith(".json"));
  for (const path of [...pages, ...charts]) {
    for (const [text, value] of read(path).matchAll(/\b(\d+) ?(?:MiB|Mi)\b/g))
      // Below 20 MiB a figure is something else: a size of content, of a message.
      if (Number(value) >= 20 && !isOrdinary(path, text))
        assert.ok(known.has(Number(value)), `${path}: ${text}. ${HINT}`);
  }
});

/** Figures that are compared with RSS, which the alert's comment has to name. */
function isOrdinary(path: string, text: string): boolean {
  return path.endsWith("rules/headgate.yaml") && text === "50 MiB";
}

/** A table's rows below a heading: their cells after the first one, by the first one. */
function rowsOf(page: string, heading: string): ReadonlyMap<string, readonly string[]> {
  const start = page.indexOf(`${heading}\n`);
  assert.ok(start >= 0, heading);
  const [table = ""] = /^\|(?:.*\n\|)*.*/m.exec(page.slice(start)) ?? [];
  const rows = table.split("\n").map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(rows.slice(2).map(([first = "", ...rest]) => [first, rest]));
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/** A table rounds, and each run differs a little. */
function assertNear(actual: number, expected: number): void {
  const isNear = Math.abs(actual - expected) <= 0.1 * expected;
  assert.ok(isNear, `${actual} is not within a tenth of ${expected}. ${HINT}`);
}
