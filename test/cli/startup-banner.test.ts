import assert from "node:assert/strict";
import test from "node:test";

import { logStart, toStartupBanner, toTry } from "../../src/cli/startup-banner.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createLogger } from "../../src/ops/log/logger.ts";

const LISTENING = { listen: ["http://0.0.0.0:8080"], admin: "http://127.0.0.1:9090" };

const load = async () =>
  (await loadConfig({ flags: { upstream: "http://127.0.0.1:8000" }, env: {}, cwd: "/" })).config;

test("on a terminal the banner shows the ports, the routes and a line to try", async () => {
  const text = toStartupBanner(await load(), LISTENING, "1.2.3");
  assert.match(text, /^headgate 1\.2\.3\n/);
  assert.match(text, /clients +http:\/\/0\.0\.0\.0:8080\n/);
  assert.match(text, /admin +http:\/\/127\.0\.0\.1:9090 /);
  assert.match(text, /\/\* +convert +http:\/\/127\.0\.0\.1:8000\n/);
  assert.match(text, /Try it: +curl -I http:\/\/127\.0\.0\.1:8080\/\n/);
});

test("in a log the banner has the same in flat lines", async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({ level: "info", format: "json" }, (line) =>
    lines.push(JSON.parse(line) as Record<string, unknown>),
  );
  logStart(logger, await load(), LISTENING, "1.2.3");
  assert.equal(lines[0]?.["version"], "1.2.3");
  assert.match(String(lines[0]?.["msg"]), /^listening on .*; try: curl -I http/);
  assert.equal(lines[0]?.["admin"], "http://127.0.0.1:9090");
  assert.equal(lines[1]?.["route"], "default");
  assert.equal(lines[1]?.["upstream"], "http://127.0.0.1:8000");
});

test("of very many routes the first fifty are shown, with the total", async () => {
  const config = await load();
  const routes = Array.from({ length: 60 }, () => config.defaultRoute);
  assert.match(toStartupBanner({ ...config, routes }, LISTENING, "1"), /… and 10 more routes/);
});

const TRIES: readonly (readonly [string, string])[] = [
  ["http://127.0.0.1:8080", "curl -I http://127.0.0.1:8080/"],
  ["http://0.0.0.0:8080", "curl -I http://127.0.0.1:8080/"],
  ["http://[::]:8080", "curl -I http://[::1]:8080/"],
  ["unix:/run/a b.sock", "curl -I --unix-socket '/run/a b.sock' http://localhost/"],
];
for (const [listen, command] of TRIES) {
  test(`the line to try for ${listen} works from this machine`, () =>
    assert.equal(toTry(listen), command));
}

/**
 * Symptom: the line to try at the start failed (`Empty reply from server`) with `proxyProtocol: true`, and with client certificates that are
 * required. Root cause: the line was made of the address alone. Fix: it has the flags that the listener needs.
 */
test("the line to try has what the listener requires of a client", async () => {
  const { listen } = await load();
  const [listener] = listen;
  assert.ok(listener);
  const plain = "http://0.0.0.0:8080";
  assert.equal(
    toTry(plain, { ...listener, proxyProtocol: true }),
    "curl -I --haproxy-protocol http://127.0.0.1:8080/",
  );
  assert.equal(
    toTry(plain, { ...listener, proxyProtocol: "optional" }),
    "curl -I http://127.0.0.1:8080/",
  );
  const tls = {
    certificates: [{ cert: "", key: "" }],
    clientCA: "",
    minVersion: "1.2",
    forwardClientCert: false,
  } as const;
  assert.equal(
    toTry("https://0.0.0.0:8443", { ...listener, tls: { ...tls, clientAuth: "require" } }),
    "curl -kI --cert client.crt --key client.key https://127.0.0.1:8443/",
  );
  assert.equal(
    toTry("https://0.0.0.0:8443", { ...listener, tls: { ...tls, clientAuth: "request" } }),
    "curl -kI https://127.0.0.1:8443/",
  );
  const config = { ...(await load()), listen: [{ ...listener, proxyProtocol: true }] as const };
  assert.match(toStartupBanner(config, LISTENING, "1"), /Try it: +curl -I --haproxy-protocol http/);
});
