/** Start-up as its operator meets it: the messages, their streams, and the exit code. On the real bundle. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { text } from "../support/responses.ts";
import { findFreePort, listenOn } from "../support/listen.ts";
import { startOrigin } from "../support/origin.ts";
import { startProcess, startRun } from "../support/process.ts";
import { openWire } from "../support/wire.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");
const UPSTREAM = "http://127.0.0.1:9";

test("--version and --help print to standard output and exit 0", async (t) => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const asked = startProcess(t, ["--version"]);
  assert.deepEqual(await asked.exited, { code: 0, signal: null });
  assert.deepEqual([asked.stdout(), asked.stderr()], [`headgate ${version}\n`, ""]);

  for (const args of [["--help"], ["run", "--help"], ["help"]]) {
    const help = startProcess(t, args);
    assert.deepEqual(await help.exited, { code: 0, signal: null });
    assert.match(help.stdout(), /^headgate [^]*--upstream[^]*HEADGATE_UPSTREAM/);
    assert.equal(help.stderr(), "");
  }
});

test("a wrong command line is exit 2 with one line on standard error that names the error", async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["walk"], /walk/],
    [["run", "--colour"], /--colour/],
    [["run", "--listen"], /--listen/],
    [["run", "file.yaml"], /file\.yaml/],
    [["demo", "--upstream", UPSTREAM], /--upstream/],
  ];
  for (const [args, pattern] of wrong) {
    const asked = startProcess(t, args);
    assert.deepEqual(await asked.exited, { code: 2, signal: null }, args.join(" "));
    assert.match(asked.stderr(), pattern);
    assert.match(asked.stderr(), /^headgate: [^\n]+\n$/);
    assert.equal(asked.stdout(), "");
  }
});

/**
 * Symptom: `headgate check FILE
 * head -1` and `headgate --help > /dev/full` ended with Node's stack trace. Root cause: standard output had no error listener. Fix: it has
 * one.
 */
test("a reader that closes early is no failure", async () => {
  for (const { args, closed, code } of [
    { args: ["--help"], closed: "stdout", code: 0 },
    { args: ["check", "config/minimal.yaml"], closed: "stdout", code: 0 },
    { args: ["walk"], closed: "stderr", code: 2 },
  ] as const) {
    const child = spawn(process.execPath, [BUNDLE, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    child[closed].destroy();
    let said = "";
    const other = closed === "stdout" ? child.stderr : child.stdout;
    other.setEncoding("utf8").on("data", (more: string) => (said += more));
    assert.deepEqual(await once(child, "close"), [code, null], args.join(" "));
    assert.equal(said, "");
  }
});

test("output to a full device is exit 1, in one line", () => {
  const full = openSync("/dev/full", "w");
  for (const args of [["--help"], ["check", "config/minimal.yaml"]]) {
    const { status, stderr } = spawnSync(process.execPath, [BUNDLE, ...args], {
      encoding: "utf8",
      stdio: ["ignore", full, "pipe"],
    });
    assert.equal(status, 1);
    assert.match(stderr, /^headgate: standard output: ENOSPC[^\n]*\n$/);
  }
  const mute = spawnSync(process.execPath, [BUNDLE, "walk"], { stdio: ["ignore", full, full] });
  assert.equal(mute.status, 2);
  closeSync(full);
});

test("without a command the usage is printed on standard error, exit 2", async (t) => {
  const asked = startProcess(t, []);
  assert.deepEqual(await asked.exited, { code: 2, signal: null });
  assert.match(asked.stderr(), /Usage/);
});

/**
 * Symptom: `run --listen foo` ended with exit code 1, as a wrong route file does; an empty --config was a directory without a name. Root
 * cause: the settings of flags and file are checked together. Fix: if all mistakes are in flags, the code is 2.
 */
test("an invalid setting is named, without a stack: exit 2 for a flag, else 1", async (t) => {
  const wrong: readonly (readonly [readonly string[], NodeJS.ProcessEnv, RegExp, number])[] = [
    [[], {}, /^upstream: .*--upstream/, 1],
    [["--upstream", "ftp://x"], {}, /^--upstream: must begin with /, 2],
    [["--upstream", UPSTREAM, "--listen", "nowhere"], {}, /^--listen: "nowhere" is not /, 2],
    [["--upstream", UPSTREAM, "--log-level", "loud"], {}, /^--log-level: "loud" is not /, 2],
    [["--config", ""], {}, /^--config: is empty: name a file\n$/, 2],
    [["--config", "/nonexistent.yaml"], {}, /\/nonexistent\.yaml/, 1],
    [["--config", "package.json", "--listen", "nowhere"], {}, /--listen: /, 1],
    [[], { HEADGATE_UPSTREAM: "ftp://x" }, /HEADGATE_UPSTREAM/, 1],
  ];
  for (const [args, env, pattern, code] of wrong) {
    const asked = startProcess(t, ["run", ...args], env);
    assert.deepEqual(await asked.exited, { code, signal: null }, args.join(" "));
    assert.match(asked.stderr(), pattern);
    assert.doesNotMatch(asked.stderr(), /\n\s+at /);
    assert.equal(asked.stdout(), "");
  }
});

test("a port in use is exit 1 with one line that names it and the flag to choose another, and the other port is free again", async (t) => {
  const taken = await listenOn(t, createServer());
  for (const [which, wayOut] of [
    ["--listen", "--listen ADDR"],
    ["--admin", "--admin ADDR or --admin off"],
  ]) {
    const free = await findFreePort();
    const other = which === "--listen" ? "--admin" : "--listen";
    const asked = startProcess(t, [
      "run",
      "--upstream",
      UPSTREAM,
      `${which}=127.0.0.1:${taken}`,
      `${other}=127.0.0.1:${free}`,
    ]);
    assert.deepEqual(await asked.exited, { code: 1, signal: null }, which);
    const reason = `address already in use 127.0.0.1:${taken}: another process listens there`;
    assert.equal(asked.stderr(), `headgate: ${reason}; choose another by ${wayOut}\n`);
    assert.equal(asked.stdout(), "");
    const late = connect({ host: "127.0.0.1", port: free });
    const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNREFUSED");
  }
});

test("a start prints nothing on standard error, and flags override the environment", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const headgate = startProcess(
    t,
    ["run", "--upstream", origin.url, "--listen", "127.0.0.1:0", "--admin", "off"],
    { HEADGATE_UPSTREAM: UPSTREAM, HEADGATE_ADMIN: "127.0.0.1:1", NODE_ENV: "production" },
  );
  const [, port] = await headgate.printed(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  const client = await openWire(t, Number(port));
  client.write("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse("HEAD")).status, 200);
  assert.equal((await origin.arrival(0)).method, "GET");
  headgate.signal("SIGTERM");
  await headgate.exited;
  assert.equal(headgate.stderr(), "");
});

test("a start needs only the environment", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const headgate = startProcess(t, ["run"], {
    HEADGATE_UPSTREAM: origin.url,
    HEADGATE_LISTEN: "127.0.0.1:0",
    HEADGATE_ADMIN: "off",
  });
  const [, port] = await headgate.printed(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
  const client = await openWire(t, Number(port));
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).body.toString(), "ok");
});

test("an upstream that is not there yet does not prevent the start and readiness", async (t) => {
  const headgate = await startRun(t, ["--upstream", UPSTREAM]);
  const probe = await openWire(t, headgate.adminPort);
  probe.write("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await probe.readResponse()).status, 200);
  const client = await openWire(t, headgate.port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).status, 502);
});
