import assert from "node:assert/strict";
import test from "node:test";

import type { Exchange } from "../../src/http/exchange.ts";
import { createLogger } from "../../src/ops/log/logger.ts";
import { finishedExchange, observeOne, quietMetrics } from "../support/exchange.ts";
import { codePoint, fc } from "../support/property.ts";

const text = fc.oneof(
  fc.string({ unit: codePoint, maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom("\n", "\r", "\x1b", "\x9b", "\u2028", '"', "\\", "{", "}", "=", " ", "?"),
  }),
);

const exchanges: fc.Arbitrary<Exchange> = fc
  .record({
    id: text,
    method: text,
    target: text,
    clientAddress: text,
    upstreamMethod: text,
    rawFields: fc.array(fc.oneof(text, fc.constantFrom("user-agent", "User-Agent", "traceparent"))),
    status: fc.oneof(fc.integer(), fc.double()),
  })
  .map(finishedExchange);

for (const format of ["json", "pretty"] as const) {
  test(`an exchange with any strings writes one printable ${format} line`, () => {
    fc.assert(
      fc.property(exchanges, (exchange) => {
        const lines: string[] = [];
        const logger = createLogger({ level: "info", format }, (line) => lines.push(line));
        observeOne(exchange, { logger, metrics: quietMetrics(), access: "all", query: "log" });
        assert.equal(lines.length, 1);
        const [line = ""] = lines;
        assert.equal(line.indexOf("\n"), line.length - 1);
        assert.doesNotMatch(line.slice(0, -1), /[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
}

test("a line equals, except for its time, what pino makes of its fields", () => {
  fc.assert(
    fc.property(exchanges, (exchange) => {
      const lines: string[] = [];
      const logger = createLogger({ level: "info", format: "json" }, (line) => lines.push(line));
      observeOne(exchange, { logger, metrics: quietMetrics(), access: "all", query: "log" });
      const { level, time, msg, ...fields } = JSON.parse(lines[0] ?? "") as Record<string, string>;
      logger[level as "info" | "warn" | "error"](fields, msg ?? "");
      const [line, again] = lines.map((each) => each.replace(/"time":"[^"]*"/, ""));
      assert.equal(line, again);
      assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
    }),
  );
});

test("the number of series stays bounded for any requests", async () => {
  const metrics = quietMetrics();
  fc.assert(
    fc.property(exchanges, (exchange) => metrics.observe(exchange)),
    { numRuns: 2000 },
  );
  const { body } = await metrics.text();
  const series = body.split("\n").filter((line) => line.startsWith("headgate_requests_total{"));
  // One route; the methods of RFC 9110, PATCH and "other"; 900 statuses and "none"; strings alone add nothing.
  for (const line of series) {
    assert.match(
      line,
      /^\S+\{route="files",method="(other|[A-Z]{3,7})",code="([1-9]\d\d|none)",head="none"\} \d+$/,
    );
  }
  assert.equal(
    body.split("\n").filter((line) => /_seconds_count\{route=/.test(line)).length,
    new Set(series.map((line) => /method="(\w+)"/.exec(line)?.[1])).size,
  );
});
