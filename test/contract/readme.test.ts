// A wrong README is worse than none: these tests check what can be checked of it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import { startProcess, startRun } from "../support/process.ts";
import { HELP } from "../../src/cli/help.ts";
import { loadConfig } from "../../src/config/load.ts";

const ROOT = new URL("../../", import.meta.url);
const README = readFileSync(new URL("README.md", ROOT), "utf8");
const MANIFEST = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
};

test("README's route file is valid", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [, yaml] = /```yaml\n(.*?)```/s.exec(README) ?? [];
  writeFileSync(join(folder, "routes.yaml"), yaml ?? "");
  const { config } = await loadConfig({ flags: { config: "routes.yaml" }, env: {}, cwd: folder });
  assert.equal(config.routes.length, 2);
});

const PAGES = ["README.md", "docs/README.md", "docs/why-405.md", "docs/troubleshooting.md"];

const INTERNALS = ["performance", "reliability", "threats"].map(
  (name) => `docs/internals/${name}.md`,
);
const LINKED = [...PAGES, "docs/recipes.md", "CONTRIBUTING.md", "SECURITY.md", ...INTERNALS];

for (const page of LINKED) {
  test(`the links of ${page} lead to a file, and to a heading of it`, () => {
    const text = readFileSync(new URL(page, ROOT), "utf8");
    const links = [...text.matchAll(/\]\((?!https:)([^)]+)\)/g)].map(([, link = ""]) => link);
    assert.ok(links.length > 0);
    assert.deepEqual(
      links.filter((link) => !leadsSomewhere(new URL(link, new URL(page, ROOT)))),
      [],
    );
  });
}

/**
 * Symptom: reliability.md named a test in tools/. Root cause: the file had moved, and only links were checked. Fix: paths in code are
 * checked too; those of sources leave `src/` out.
 */
test("the files that the contributors' pages name exist", () => {
  const folders = "test|tools|scripts|src|examples|upstream|server|runtime|config|proxy|head";
  const path = new RegExp(`\`((?:${folders})/[\\w./-]+)\``, "g");
  const missing = ["CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", ...INTERNALS].flatMap((page) =>
    [...readFileSync(new URL(page, ROOT), "utf8").matchAll(path)]
      .map(([, name = ""]) => name)
      .filter((name) => !["", "src/"].some((from) => existsSync(new URL(from + name, ROOT))))
      .map((name) => `${page}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

function leadsSomewhere(link: URL): boolean {
  const anchor = link.hash.slice(1);
  link.hash = "";
  if (!existsSync(link) || anchor === "") return existsSync(link);
  // As GitHub makes them.
  const headings = readFileSync(link, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].some(
    ([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-") === anchor,
  );
}

test("docs/README.md names every page of docs", () => {
  const index = readFileSync(new URL("docs/README.md", ROOT), "utf8");
  const pages = readdirSync(new URL("docs/", ROOT), { recursive: true, encoding: "utf8" });
  const unnamed = pages.filter((page) => page.endsWith(".md") && !index.includes(`(${page})`));
  assert.deepEqual(unnamed, ["README.md"]);
});

/** The texts of the tables of docs/troubleshooting.md that are about responses; what a message adds behind a colon differs. */
test("docs/troubleshooting.md has headgate's own texts", () => {
  const page = readFileSync(new URL("docs/troubleshooting.md", ROOT), "utf8");
  const rows = page.matchAll(/^\| (?:`\w+`(?: \(\d+\))?|\d{3}) +\| `([^`:]+)/gm);
  const texts = [...rows].map(([, text = ""]) => text);
  assert.ok(texts.length > 12);
  const sources = readdirSync(new URL("src/", ROOT), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readFileSync(new URL(`src/${path}`, ROOT), "utf8"))
    .join("");
  assert.deepEqual(
    texts.filter((text) => !sources.includes(text)),
    [],
  );
});

/**
 * Symptom: the log line on the page had no `network.protocol.version`. Root cause: the field was added later, and nothing compared the
 * page with a real line. Fix: this test does.
 */
test("docs/troubleshooting.md shows a log line with the fields of a real one", async (t) => {
  const page = readFileSync(new URL("docs/troubleshooting.md", ROOT), "utf8");
  const [shown = ""] = /^\{"level":"warn".*\}$/m.exec(page) ?? assert.fail("no log line");
  // Port 1 is one on which no process listens.
  const running = await startRun(t, ["--upstream", "http://127.0.0.1:1"]);
  await fetch(`http://127.0.0.1:${running.port}/health`, { method: "HEAD" });
  const [line] = await running.printed(/^\{"level":"warn".*"error\.type".*\}$/m);
  assert.deepEqual(toKeys(shown), toKeys(line));
});

function toKeys(line: string): readonly string[] {
  return Object.keys(JSON.parse(line) as object);
}

test("README's npm commands exist", () => {
  const names = [...README.matchAll(/npm (?:run )?([a-z]+)/g)].map(([, name]) => name ?? "");
  assert.ok(names.includes("check"));
  assert.deepEqual(
    names.filter((name) => !(name in MANIFEST.scripts)),
    [],
  );
});

/**
 * Symptom: in a fresh clone `npm run fix` ended with "oxlint: not found". Root cause: CONTRIBUTING says that each command of its table
 * installs what is missing; this one did not. Fix: it begins as the others do.
 */
test("CONTRIBUTING's npm commands install in a fresh clone what is missing", () => {
  const page = readFileSync(new URL("CONTRIBUTING.md", ROOT), "utf8");
  const names = [...page.matchAll(/^\| `npm (?:run )?([a-z]+)`/gm)].map(([, name = ""]) => name);
  assert.ok(names.length > 8);
  assert.deepEqual(
    names.filter(
      (name) => !/^(?:node scripts\/ready|exec node scripts\/)/.test(MANIFEST.scripts[name] ?? ""),
    ),
    [],
  );
});

/**
 * Symptom: `npm start -- check FILE --json`, piped to jq, was a parse error. Root cause: npm prints the command that it runs on standard
 * output. Fix: the README uses `-s`, and everything else that a first start prints goes to standard error.
 */
test("README's command whose output is JSON prints JSON and nothing else", () => {
  const [, written = ""] = /`npm (start [^`]*--json) \| jq`/.exec(README) ?? [];
  const args = written.replace("FILE", "config/minimal.yaml").split(" ");
  assert.ok(args.includes("config/minimal.yaml"));
  // The outer npm passes its own options on in the environment.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^HEADGATE_|^FORCE_COLOR$/i.test(name)),
  );
  const run = (given: readonly string[]) =>
    spawnSync("npm", given, { cwd: ROOT, env, encoding: "utf8" });
  const { status, stdout, stderr } = run(args);
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as { readonly valid: boolean }).valid, true);
  assert.match(run(args.filter((arg) => arg !== "-s")).stdout, /^\n> headgate@/, "npm's own lines");
});

/** In a clone, `npm start` has set this. */
const IN_CLONE = { npm_lifecycle_event: "start" };

test("README shows what the demo prints, and what doctor says of the demo's backend", async (t) => {
  const [, invitation = ""] = /^```\n(headgate demo: .*?)^```$/ms.exec(README) ?? [];
  const [, args = "", report] =
    /^\$ npm start -s -- (doctor [^\n]*)\n(.*?)^```$/ms.exec(README) ?? assert.fail("no doctor");
  const demo = startProcess(t, ["demo"], IN_CLONE);
  await demo.printed(/Ctrl-C.*\n\n.*\n/);
  // The demo takes other ports where these are in use.
  const urls = /http:\/\/127\.0\.0\.1:\d+(?=\/)/g;
  const [backend = "", proxy = "", admin = ""] = demo.stdout().match(urls) ?? [];
  const shown = "http://127.0.0.1:8000";
  const printed = demo
    .stdout()
    .replaceAll(backend, shown)
    .replaceAll(proxy, "http://127.0.0.1:8080")
    .replaceAll(admin, "http://127.0.0.1:9090");
  assert.equal(printed.replaceAll(/ +#/g, "    #"), invitation);

  const doctor = startProcess(t, args.replace(shown, backend).split(" "), IN_CLONE);
  assert.deepEqual(await doctor.exited, { code: 1, signal: null });
  assert.equal(doctor.stdout().replaceAll(backend, shown), report);
});

test("what the demo says to try next works as it is written", async (t) => {
  const demo = startProcess(t, ["demo"], IN_CLONE);
  const [, args = ""] = await demo.printed(/^ {2}npm start -- (doctor .*)$/m);
  const doctor = startProcess(t, args.split(" "), IN_CLONE);
  await doctor.exited;
  assert.match(doctor.stdout(), /^1 of 1 endpoint refuses HEAD\.$/m);
});

test("README shows the demo and doctor on its first screens", () => {
  const shown = README.replaceAll(/^<!-- .* -->\n\n/gm, "");
  const [before = ""] = shown.split("1 of 1 endpoint refuses HEAD.");
  assert.ok(before.split("\n").length < 50);
});

test("README gives a reason for each dependency, and names no other", () => {
  const [, section] = /## Dependencies\n(.*?)\n## /s.exec(README) ?? [];
  const named = [...(section ?? "").matchAll(/^\| `([^`]+)` /gm)].map(([, name]) => name);
  assert.deepEqual(new Set(named), new Set(Object.keys(MANIFEST.dependencies)));
});

test("README names the flags and variables that --help names", () => {
  const settings = HELP.match(/^ {2}--\w[\w-]*|HEADGATE_\w+/gm)?.map((name) => name.trim()) ?? [];
  assert.ok(settings.includes("--upstream"));
  assert.deepEqual(
    settings.filter((name) => !README.includes(`\`${name}`)),
    [],
  );
});
