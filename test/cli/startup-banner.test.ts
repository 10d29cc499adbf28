import assert from "node:assert/strict";
import test from "node:test";

import { logStart, toStartupBanner } from "../../src/cli/startup-banner.ts";
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
