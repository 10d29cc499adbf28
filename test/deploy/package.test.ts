import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { type TestContext } from "node:test";

import { root } from "../support/manifests.ts";

/** An empty folder with the package installed as a user would; offline, because it has no dependencies. */
function installPackage(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = (command: string, args: readonly string[], cwd: string): string =>
    execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const tarball = run(process.execPath, [join(root, "scripts", "pack.mjs"), folder], root).trim();
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], folder);
  return folder;
}

test("the npm package is one file of JavaScript that depends on nothing; npx headgate demo responds to a HEAD", async (t) => {
  const folder = installPackage(t);
  const installed = join(folder, "node_modules", "headgate");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Record<
    string,
    unknown
  >;
  assert.deepEqual(
    Object.keys(JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages),
    ["", "node_modules/headgate"],
  );
  assert.equal(manifest["private"], undefined);
  assert.equal(manifest["scripts"], undefined);
  assert.match(readFileSync(join(installed, "LICENSE"), "utf8"), /Apache License/);
  assert.match(
    readFileSync(join(installed, "dist", "THIRD_PARTY_NOTICES.txt"), "utf8"),
    /^pino [\d.]+ \(MIT\)$/m,
  );

  // A process group of its own: npx starts a shell, which starts node, and a signal must reach the last.
  const npx = spawn("npx", ["--offline", "headgate", "demo"], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => npx.exitCode ?? npx.signalCode ?? process.kill(-(npx.pid ?? 0), "SIGKILL"));
  const url = await findUrl(createInterface({ input: npx.stdout }));
  const { status, headers } = await fetch(url, { method: "HEAD" });
  assert.deepEqual(
    { status, length: headers.get("content-length") },
    { status: 200, length: "15" },
  );
  const ended = once(npx, "exit");
  process.kill(-(npx.pid ?? 0), "SIGTERM");
  await ended;
});

async function findUrl(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const [, url] = /curl -I (\S+) +# through headgate/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("the demo ended before it said where it listens");
}
