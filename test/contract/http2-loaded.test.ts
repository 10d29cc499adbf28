/** HTTP/2 is loaded only where a client speaks it: by the real bundle, in a process of its own. start.test.ts has runs without either. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import test, { type TestContext } from "node:test";

import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { openSession, send } from "../support/http2.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { text } from "../support/responses.ts";
import { makeDirectory } from "../support/route-file.ts";

/** What a process has loaded at its end. `tls` counts servers and contexts: node:tls itself is also the door to upstreams with TLS. */
interface Loaded {
  readonly http2: readonly string[];
  readonly tls: number;
}

/** Runs before headgate in its process, and reports at its end. */
const REPORTER = `
const tls = require("node:tls");
let count = 0;
for (const name of ["createServer", "createSecureContext"]) {
  const original = tls[name];
  tls[name] = (...args) => ((count += 1), original(...args));
}
process.on("exit", () => {
  const http2 = process.moduleLoadList.filter((name) => /http2/.test(name));
  require("node:fs").writeFileSync(process.env.LOADED, JSON.stringify({ http2, tls: count }));
});
`;

/** Starts headgate with the listener, uses it, stops it, and returns what it had loaded. */
async function load(
  t: TestContext,
  listener: string,
  use: (port: number) => Promise<unknown>,
): Promise<Loaded> {
  const origin = await startOrigin(t, text("ok"));
  const folder = await makeDirectory(t, {
    "reporter.cjs": REPORTER,
    "cert.pem": CERTIFICATE,
    "key.pem": KEY,
    "routes.yaml": `upstream: ${origin.url}\n${listener}`,
  });
  const loaded = join(folder, "loaded.json");
  const through = ["env", `NODE_OPTIONS=--require=${join(folder, "reporter.cjs")}`];
  const headgate = await startRun(
    t,
    [`--config=${join(folder, "routes.yaml")}`],
    [...through, `LOADED=${loaded}`],
  );
  await use(headgate.port);
  headgate.signal("SIGTERM");
  await headgate.exited;
  return JSON.parse(readFileSync(loaded, "utf8")) as Loaded;
}

const TLS = "listen: { address: 127.0.0.1:0, http2: true, tls: { cert: cert.pem, key: key.pem } }";
const TRUST = { ca: CERTIFICATE, servername: "backend.test" };

test("a listener with HTTP/2 loads it at the first connection that speaks it, and TLS at the start", async (t) => {
  const overHttp1 = await load(t, TLS, async (port) => {
    const socket = connect({ port, host: "127.0.0.1", ...TRUST });
    await once(socket, "secureConnect");
    socket.end(toRequest("GET /"));
    await once(socket.resume(), "close");
  });
  assert.deepEqual(overHttp1.http2, []);
  assert.ok(overHttp1.tls > 0);
  const overHttp2 = await load(t, TLS, async (port) => {
    assert.equal((await send(openSession(t, port, TRUST, "https"))).status, 200);
  });
  assert.ok(overHttp2.http2.includes("NativeModule http2"));
});
