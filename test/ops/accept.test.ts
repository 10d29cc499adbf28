import assert from "node:assert/strict";
import test from "node:test";

import { prefersOpenMetrics } from "../../src/ops/metrics/accept.ts";

const OPEN = [
  "application/openmetrics-text",
  "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8",
  // What Prometheus 2 and 3 send.
  "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.2,*/*;q=0.1",
];
const PLAIN = [
  undefined,
  "",
  "*/*",
  "application/*",
  "text/plain",
  "text/html,application/xhtml+xml,*/*;q=0.8",
  "application/openmetrics-text;q=0",
  "application/openmetrics-text;q=nonsense",
  "application/openmetrics-text;version=2.0.0",
  "text/plain;q=0.9, application/openmetrics-text;q=0.3",
  `${"a/b,".repeat(1000)}application/openmetrics-text`,
];

for (const accept of OPEN) {
  test(`OpenMetrics is what ${JSON.stringify(accept)} asks for`, () =>
    assert.equal(prefersOpenMetrics(accept), true));
}
for (const accept of PLAIN) {
  test(`the older text format is what ${JSON.stringify(accept)?.slice(0, 80)} gets`, () =>
    assert.equal(prefersOpenMetrics(accept), false));
}
