// Symptom: four requests to an upstream whose name servers never responded made every other named upstream 504, for up to 100 s.
// Root cause: each connection ran a getaddrinfo of its own; libuv runs two at a time, and nothing ends one.
// Fix: src/upstream/resolver.ts, which needs no thread for names that DNS or the hosts file have.

import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startNameServer } from "../support/name-server.ts";
import { createNames, namesMissing } from "../support/names.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { makeDirectory } from "../support/route-file.ts";
import { openWire } from "../support/wire.ts";

const skip = namesMissing();

const HUNG = Array.from({ length: 8 }, (_, index) => `hung${index}`);

// With these, getaddrinfo hangs for 150 s, and the process with it.
const HANGS_LONG = "search a.test\noptions timeout:30 attempts:5";

// Longer than a lookup takes, so that the lookup fails and not the connection.
const PATIENT = "connectTimeout: 60s";

test("eight upstreams whose names hang do not hold up the ninth", { skip }, async (t) => {
  const origin = await startOrigin(t, text("here"));
  const server = await startNameServer(t);
  for (const name of HUNG) server.set(`${name}.test`, "never");
  server.set("good.test", ["127.0.0.1"]);
  const routes = HUNG.map((name) => `  - { path: /${name}, upstream: ${name} }`);
  const upstreams = HUNG.map((name) => `  ${name}: { url: "http://${name}.test", ${PATIENT} }`);
  const cwd = await makeDirectory(t, {
    "routes.yaml": [
      `upstream: { url: "http://good.test:${origin.port}", ${PATIENT} }`,
      "upstreams:",
      ...upstreams,
      "routes:",
      ...routes,
      "",
    ].join("\n"),
  });
  const { through } = createNames(t, { servers: [server], resolvConf: HANGS_LONG });
  const headgate = await startRun(t, ["--config", `${cwd}/routes.yaml`], through);
  const waiting = await Promise.all(
    HUNG.map(async (name) => {
      const wire = await openWire(t, headgate.port);
      wire.write(`GET /${name} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return wire;
    }),
  );
  await Promise.race(HUNG.map((name) => server.queried(`${name}.test`)));
  const wire = await openWire(t, headgate.port);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await wire.readResponse()).body.toString(), "here");
  for (const each of waiting) {
    const response = await each.readResponse();
    assert.equal(response.status, 504);
    assert.deepEqual(fieldValues(response, "proxy-status"), ["headgate; error=dns_timeout"]);
  }
});

test("a name that hangs does not delay the end of the process", { skip }, async (t) => {
  const server = await startNameServer(t);
  server.set("hung.test", "never");
  server.set("hung.test.a.test", "never");
  const { through } = createNames(t, { servers: [server], resolvConf: HANGS_LONG });
  const headgate = await startRun(t, ["--upstream", "http://hung.test"], through);
  const wire = await openWire(t, headgate.port);
  wire.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await server.queried("hung.test");
  wire.reset();
  headgate.signal("SIGTERM");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
  // A lookup that runs to its end sends ten queries for the second name: A and AAAA, once a second for 5 s.
  assert.ok(server.queries("hung.test.a.test").length < 10, "it was ended");
});
