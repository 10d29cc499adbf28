/** examples/compose-tls, as its first line says: the script makes the certificates, and headgate serves with them. */

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";

import { type Fields, root } from "../support/manifests.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { getOnly, text } from "../support/responses.ts";
import { makeDirectory } from "../support/route-file.ts";

const example = join(root, "examples", "compose-tls");

/** A copy of the example in which the script ran. `run` runs it again. */
async function makeExample(t: TestContext) {
  const folder = await makeDirectory(t, {});
  cpSync(example, folder, { recursive: true });
  const run = (...args: readonly string[]): void => {
    execFileSync("sh", [join(folder, "make-certificates.sh"), ...args], {
      stdio: "pipe",
      cwd: "/",
    });
  };
  run();
  return { folder, run };
}

/** Runs the curl of the compose file's first line against this port, and resolves with the status. */
async function curl(folder: string, port: number): Promise<string> {
  const compose = readFileSync(join(example, "compose.yaml"), "utf8");
  const [, args = "", url = ""] = /then curl -I (.*) (https:\S+)/.exec(compose) ?? [];
  const status = [
    "--silent",
    "--show-error",
    "--output",
    "/dev/null",
    "--write-out",
    "%{http_code}",
  ];
  const target = url.replace(":8443", `:${port}`);
  const given = ["-I", ...args.split(" "), ...status, target];
  return (await promisify(execFile)("curl", given, { cwd: folder })).stdout;
}

test("headgate serves localhost with the certificate that the script makes", async (t) => {
  const { folder } = await makeExample(t);
  const origin = await startOrigin(t, getOnly(text("hello")));
  const file = join(folder, "headgate", "headgate.yaml");
  const headgate = await startRun(t, ["--config", file, "--upstream", origin.url]);
  assert.equal(await curl(folder, headgate.port), "200");
});

test("the script run again keeps the authority, and headgate takes the new certificate while it runs", async (t) => {
  const { folder, run } = await makeExample(t);
  const origin = await startOrigin(t, getOnly(text("hello")));
  const file = join(folder, "headgate", "headgate.yaml");
  const headgate = await startRun(t, ["--config", file, "--upstream", origin.url]);
  const before = readFileSync(join(folder, "headgate", "tls.crt"), "utf8");
  run("DNS:localhost,DNS:second.test");
  assert.notEqual(readFileSync(join(folder, "headgate", "tls.crt"), "utf8"), before);
  await headgate.printed(/"msg":"reloaded /);
  const status = await fetch(`http://127.0.0.1:${headgate.adminPort}/status.json`);
  assert.match(await status.text(), /second\.test/);
  assert.equal(await curl(folder, headgate.port), "200");
});

test("the container gets the certificate and its key, readable for its user, and not the authority's key", async (t) => {
  const { folder } = await makeExample(t);
  const compose = parse(readFileSync(join(example, "compose.yaml"), "utf8")) as Fields;
  assert.deepEqual(compose["services"].headgate.volumes, ["./headgate:/etc/headgate:ro"]);
  const modeOf = (name: string): string => (statSync(join(folder, name)).mode & 0o777).toString(8);
  assert.equal(modeOf("headgate/tls.key"), "644");
  assert.equal(modeOf("ca/ca.key"), "600");
});

test("git ignores every file that the script makes", async (t) => {
  const { folder } = await makeExample(t);
  const ignored = readFileSync(join(example, ".gitignore"), "utf8").trim().split("\n");
  const made = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => statSync(join(folder, name)).isFile() && !existsSync(join(example, name)),
  );
  assert.ok(made.includes("ca/ca.key") && made.includes("headgate/tls.key"));
  const isIgnored = (name: string): boolean => ignored.some((rule) => name.startsWith(rule));
  assert.deepEqual(
    made.filter((name) => !isIgnored(name)),
    [],
  );
});

test("the example's app and hardening are those of examples/compose", () => {
  const read = (name: string): Fields =>
    parse(readFileSync(join(root, "examples", name, "compose.yaml"), "utf8")) as Fields;
  const { ports: _, ...plain } = read("compose")["services"].headgate;
  const { ports, ...secure } = read("compose-tls")["services"].headgate;
  assert.deepEqual(secure, plain);
  assert.deepEqual(ports, ["8443:8443"]);
});
