import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { finishedExchange, quietMetrics, ROUTE } from "../support/exchange.ts";

/** The sample lines whose name or labels contain `part`, after the given exchanges. */
async function samplesOf(part: string, exchanges: readonly Exchange[]): Promise<string[]> {
  const metrics = quietMetrics();
  for (const exchange of exchanges) metrics.observe(exchange);
  const { body } = await metrics.text();
  return body.split("\n").filter((line) => !line.startsWith("#") && line.includes(part));
}

test("a request is counted by route, method, status and outcome of a HEAD", async () => {
  const head = finishedExchange({
    method: "HEAD",
    head: "convert",
    body: "drained",
    bytesDrained: 15,
  });
  assert.deepEqual(await samplesOf("requests_total", [finishedExchange(), head, head]), [
    'headgate_requests_total{route="files",method="GET",code="200",head="none"} 1',
    'headgate_requests_total{route="files",method="HEAD",code="200",head="convert"} 2',
  ]);
});

test("durations fall into cumulative buckets, in seconds", async () => {
  const lines = await samplesOf("request_duration_seconds", [
    finishedExchange(),
    finishedExchange({ endedMs: 2000.25 }),
  ]);
  const labels = 'route="files",method="GET"';
  assert.ok(lines.includes(`headgate_request_duration_seconds_bucket{${labels},le="0.0025"} 0`));
  assert.ok(lines.includes(`headgate_request_duration_seconds_bucket{${labels},le="0.005"} 1`));
  assert.ok(lines.includes(`headgate_request_duration_seconds_bucket{${labels},le="1"} 2`));
  assert.ok(lines.includes(`headgate_request_duration_seconds_bucket{${labels},le="+Inf"} 2`));
  assert.ok(lines.includes(`headgate_request_duration_seconds_sum{${labels}} 1.005`));
  assert.ok(lines.includes(`headgate_request_duration_seconds_count{${labels}} 2`));
});

test("the time until the response is the upstream's, the time before the request was sent is headgate's", async () => {
  assert.ok(
    (await samplesOf("upstream_response_seconds_sum", [finishedExchange()])).includes(
      'headgate_upstream_response_seconds_sum{upstream="app"} 0.004',
    ),
  );
  assert.deepEqual(await samplesOf("overhead_seconds_sum", [finishedExchange()]), [
    "headgate_overhead_seconds_sum 0.00025",
  ]);
});

test("a download that takes an hour adds nothing to headgate's overhead", async () => {
  const slow = finishedExchange({ endedMs: 3_600_000 });
  assert.deepEqual(await samplesOf("overhead_seconds_sum", [slow]), [
    "headgate_overhead_seconds_sum 0.00025",
  ]);
});

test("a retried request adds nothing to the overhead, as its first attempt waited for the upstream", async () => {
  const retried = finishedExchange({ retries: 1, sentMs: 1003 });
  assert.deepEqual(await samplesOf("overhead_seconds_count", [retried]), [
    "headgate_overhead_seconds_count 0",
  ]);
  assert.deepEqual(await samplesOf("retries", [retried]), ["headgate_upstream_retries_total 1"]);
});

test("a tunnel is counted as a request, but its hours are not a duration", async () => {
  const tunnel = finishedExchange({ tunnel: true, status: 101, endedMs: 3_600_000 });
  assert.deepEqual(await samplesOf("requests_total", [tunnel]), [
    'headgate_requests_total{route="files",method="GET",code="101",head="none"} 1',
  ]);
  assert.deepEqual(await samplesOf("request_duration_seconds_count", [tunnel]), [
    'headgate_request_duration_seconds_count{route="files",method="GET"} 0',
  ]);
});

test("an upstream's failure is counted under its RFC 9209 type and the status that was sent", async () => {
  const refused = finishedExchange({
    status: 502,
    sentMs: undefined,
    respondedMs: undefined,
    error: new ProxyError("connection_refused"),
  });
  assert.deepEqual(await samplesOf("upstream_errors", [refused]), [
    'headgate_upstream_errors_total{upstream="app",error="connection_refused"} 1',
  ]);
  assert.equal((await samplesOf('code="502"', [refused])).length, 1);
});

test("a client that disconnects before the response is an abort with code 499 and no upstream error", async () => {
  const gone = finishedExchange({ status: 0, error: new ProxyError("client_gone") });
  assert.deepEqual(await samplesOf("client_aborts", [gone]), [
    'headgate_client_aborts_total{route="files"} 1',
  ]);
  assert.equal((await samplesOf('code="499"', [gone])).length, 1);
  assert.deepEqual(await samplesOf("upstream_errors", [gone]), []);
});

test("a request that is refused before routing belongs to no route", async () => {
  const bad = finishedExchange({
    status: 400,
    route: undefined,
    sentMs: undefined,
    error: new ProxyError("http_request_error"),
  });
  assert.deepEqual(await samplesOf("requests_total", [bad]), [
    'headgate_requests_total{route="none",method="GET",code="400",head="none"} 1',
  ]);
});

test("bodies of responses to HEADs are counted by outcome, with the bytes read and spared", async () => {
  const drained = finishedExchange({
    method: "HEAD",
    head: "convert",
    body: "drained",
    bytesDrained: 15,
  });
  const aborted = finishedExchange({
    method: "HEAD",
    head: "convert",
    body: "aborted",
    bytesDrained: 5,
    bytesSpared: 995,
  });
  const passed = finishedExchange({ method: "HEAD", head: "pass", status: 405 });
  assert.deepEqual(await samplesOf("_head_", [drained, aborted, passed]), [
    'headgate_head_bodies_total{route="files",body="none"} 0',
    'headgate_head_bodies_total{route="files",body="drained"} 1',
    'headgate_head_bodies_total{route="files",body="aborted"} 1',
    "headgate_head_drained_bytes_total 20",
    "headgate_head_spared_bytes_total 995",
    'headgate_head_rescued_total{route="files"} 2',
    'headgate_head_rescuable_total{route="files"} 0',
  ]);
});

// Symptom: an RSA and an ECDSA certificate for one name gave two samples with the same labels; Prometheus kept one of them, so that the alert
// could miss the other. Root cause: a sample for each certificate, with labels that several may share. Fix: the one that ends first counts.
test("certificates of one listener with the same first name are one series, which has the earliest end", async () => {
  const certificates = [
    { listen: ":8443", names: ["a.test"], notAfterMs: 2_000_000 },
    { listen: ":8443", names: ["a.test", "b.test"], notAfterMs: 1_000_000 },
    { listen: ":8443", names: ["a.test"], notAfterMs: 3_000_000 },
    { listen: ":8444", names: ["a.test"], notAfterMs: 4_000_000 },
  ];
  const { body } = await quietMetrics("off", { certificates: () => certificates }).text();
  assert.deepEqual(body.match(/^headgate_tls_certificate_not_after_seconds.*/gm), [
    'headgate_tls_certificate_not_after_seconds{listen=":8443",name="a.test"} 1000',
    'headgate_tls_certificate_not_after_seconds{listen=":8444",name="a.test"} 4000',
  ]);
});

test("counters continue when a reload replaces the route objects", async () => {
  const again = finishedExchange({ route: { ...ROUTE } });
  assert.deepEqual(await samplesOf("requests_total", [finishedExchange(), again]), [
    'headgate_requests_total{route="files",method="GET",code="200",head="none"} 2',
  ]);
});

test("a failed reload shows until a reload succeeds", async () => {
  const metrics = quietMetrics();
  metrics.countReload("failure", 1_700_000_100);
  const failed = (await metrics.text()).body;
  assert.match(failed, /^headgate_config_last_reload_successful 0$/m);
  assert.match(failed, /^headgate_config_last_reload_success_timestamp_seconds 1700000000$/m);
  metrics.countReload("success", 1_700_000_200);
  const mended = (await metrics.text()).body;
  assert.match(mended, /^headgate_config_reloads_total\{result="failure"\} 1$/m);
  assert.match(mended, /^headgate_config_last_reload_successful 1$/m);
  assert.match(mended, /^headgate_config_last_reload_success_timestamp_seconds 1700000200$/m);
});

test("the process's own metrics are there on request", async () => {
  const metrics = quietMetrics("on");
  const plain = (await metrics.text()).body;
  assert.match(plain, /^process_cpu_seconds_total \d/m);
  assert.match(plain, /^nodejs_eventloop_lag_p99_seconds \d/m);
});
