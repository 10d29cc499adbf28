/** Dashboards and alerts are built on these names: a change here breaks somebody's night. */

import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import { finishedExchange, quietMetrics } from "../support/exchange.ts";

const FAMILIES = {
  headgate_requests_total: "counter route,method,code,head",
  headgate_request_duration_seconds: "histogram route,method,le",
  headgate_overhead_seconds: "histogram le",
  headgate_client_aborts_total: "counter route",
  headgate_upstream_response_seconds: "histogram upstream,le",
  headgate_upstream_errors_total: "counter upstream,error",
  headgate_upstream_retries_total: "counter ",
  headgate_upstream_connections: "gauge upstream,state",
  headgate_head_bodies_total: "counter route,body",
  headgate_head_drained_bytes_total: "counter ",
  headgate_head_spared_bytes_total: "counter ",
  headgate_head_rescued_total: "counter route",
  headgate_head_rescuable_total: "counter route",
  headgate_requests_in_flight: "gauge ",
  headgate_client_connections: "gauge ",
  headgate_tunnels: "gauge ",
  headgate_log_lines_dropped_total: "counter ",
  headgate_config_reloads_total: "counter result",
  headgate_config_last_reload_successful: "gauge ",
  headgate_config_last_reload_success_timestamp_seconds: "gauge ",
  headgate_build_info: "gauge version,node",
};

const DURATIONS = "0.001 0.0025 0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf";

async function scrape(): Promise<string> {
  const metrics = quietMetrics();
  metrics.observe(
    finishedExchange({ status: 502, error: new ProxyError("http_response_incomplete") }),
  );
  return (await metrics.text()).body;
}

test("the metrics are exactly these, with these types and labels", async () => {
  const text = await scrape();
  const found = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => {
    const suffix = type === "histogram" ? "_bucket" : "";
    const labels = new RegExp(`^${name}${suffix}(?:\\{(.*)\\})? `, "m").exec(text)?.[1] ?? "";
    return [
      name,
      `${type} ${[...labels.matchAll(/(\w+)="[^"]*"/g)].map(([, label]) => label).join(",")}`,
    ];
  });
  assert.deepEqual(Object.fromEntries(found), FAMILIES);
});

test("each metric has a help text of one sentence", async () => {
  const helps = [...(await scrape()).matchAll(/^# HELP \S+ (.*)$/gm)].map(([, help = ""]) => help);
  assert.equal(helps.length, Object.keys(FAMILIES).length);
  for (const help of helps) assert.match(help, /^[A-Z].{15,120}\.$/);
});

test("durations have OpenTelemetry's buckets and two below", async () => {
  const text = await scrape();
  for (const name of ["request_duration", "upstream_response"]) {
    const bounds = [
      ...text.matchAll(new RegExp(`^headgate_${name}_seconds_bucket\\{.*le="([^"]*)"`, "gm")),
    ];
    assert.equal(bounds.map(([, bound]) => bound).join(" "), DURATIONS);
  }
});

test("counters without labels exist from the start, so that their first increase is seen", async () => {
  const { body } = await quietMetrics().text();
  for (const name of [
    "upstream_retries",
    "head_drained_bytes",
    "head_spared_bytes",
    "log_lines_dropped",
  ]) {
    assert.match(body, new RegExp(`^headgate_${name}_total 0$`, "m"));
  }
});
