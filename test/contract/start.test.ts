// What a start loads. Each module that it does not need would be a part of "ready after the start of the process".

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { startBinary } from "../support/binary.ts";
import { root } from "../support/manifests.ts";
import { startOrigin } from "../support/origin.ts";
import { makeDirectory } from "../support/route-file.ts";

/** Modules of Node that only some runs need: for TLS, HTTP/2, upgrades, worker processes. */
const NOT_AT_START = ["crypto", "http2", "https", "internal/crypto/webcrypto", "tls", "zlib"];

/** Writes down which modules of Node the process has loaded: when it first sets a flag of V8, and at its end. */
const PROBE = `
  const { writeFileSync } = require("node:fs");
  const v8 = require("node:v8");
  const setFlags = v8.setFlagsFromString;
  const writeLoaded = (moment) =>
    writeFileSync(require("node:path").join(__dirname, moment), process.moduleLoadList.join("\\n"));
  v8.setFlagsFromString = (flag) => {
    v8.setFlagsFromString = setFlags;
    writeLoaded("flags");
    setFlags(flag);
  };
  process.on("exit", () => writeLoaded("end"));`;

/** Modules of Node by the moment at which they were loaded. */
interface Loaded {
  /** Before headgate first set a flag of V8. */
  readonly flags: ReadonlySet<string>;
  /** Before the process ended. */
  readonly end: ReadonlySet<string>;
}

/** Runs headgate for one HEAD. `also` is executed before it. */
async function runOnce(t: TestContext, routeFile = "", also = ""): Promise<Loaded> {
  const origin = await startOrigin(t, (arrival) =>
    arrival.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
  );
  const folder = await makeDirectory(t, { "probe.cjs": PROBE + also, "routes.yaml": routeFile });
  const { child, port, exited } = await startBinary(t, {
    args: ["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"].concat(
      ["--upstream", `http://127.0.0.1:${origin.port}`],
      routeFile === "" ? [] : ["--config", join(folder, "routes.yaml")],
    ),
    env: { NODE_OPTIONS: `--require=${join(folder, "probe.cjs")}` },
  });
  const { status } = await fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" });
  assert.equal(status, 200);
  child.kill("SIGTERM");
  await exited;
  const read = (moment: string): ReadonlySet<string> =>
    new Set(
      [...readFileSync(join(folder, moment), "utf8").matchAll(/^NativeModule (.*)$/gm)].map(
        ([, name = ""]) => name,
      ),
    );
  return { flags: read("flags"), end: read("end") };
}

function findNeedless({ end }: Loaded): readonly string[] {
  return NOT_AT_START.filter((name) => end.has(name));
}

test("a run without TLS, HTTP/2 and upgrades loads nothing for them", async (t) => {
  assert.deepEqual(findNeedless(await runOnce(t)), []);
});

test("a run with a route file loads the digest, and nothing else of that", async (t) => {
  assert.deepEqual(findNeedless(await runOnce(t, "head: auto\n")), ["crypto"]);
});

test("a module that is loaded at the start is found", async (t) => {
  for (const name of ["crypto", "http2", "tls"])
    assert.ok(findNeedless(await runOnce(t, "", `require("node:${name}");`)).includes(name), name);
});

// Node's own modules load twice as slowly afterwards. Node loads `cluster` when a process begins to listen.
test("V8's flags are set after headgate has begun to listen", async (t) => {
  const { flags } = await runOnce(t);
  assert.ok(flags.has("cluster"));
});

test("the bundle holds these packages, and stays below 904 KB", () => {
  const notices = readFileSync(join(root, "dist", "THIRD_PARTY_NOTICES.txt"), "utf8");
  const packages = [...notices.matchAll(/^(\S+) \d+\.\d+\.\d+ \([^)]*\)$/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(packages, [
    "http-proxy-3",
    "pino",
    "pino-std-serializers",
    "prom-client",
    "quick-format-unescaped",
    "yaml",
    "zod",
  ]);
  assert.ok(statSync(join(root, "dist", "headgate.cjs")).size < 904_000);
});
