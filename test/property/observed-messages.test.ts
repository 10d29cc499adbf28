// Symptom: a response with status 600 to 999 wrote a log line without its status, and counted as if none had been sent. Root cause: log and
// metrics took only 100 to 599 for a status. Fix: RFC 9112 §4 has three digits, and the status that was sent is logged and counted.
import assert from "node:assert/strict";
import test from "node:test";

import { text, toHead } from "../support/responses.ts";
import { type Origin, type Script, startOrigin } from "../support/origin.ts";
import { fc } from "../support/property.ts";
import { toRequest } from "../support/request.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

/** The fields that the line of each request has according to docs/operations.md. */
const ALWAYS = [
  "time",
  "level",
  "msg",
  "http.request.method",
  "url.path",
  "http.response.status_code",
  "client.address",
  "network.protocol.version",
  "duration_ms",
  "request_id",
  // And those of each request that the upstream responded to.
  "route",
  "upstream",
  "upstream_method",
  "upstream_ms",
];

interface Sample {
  readonly labels: string;
  readonly value: number;
}

async function readSamples({ adminPort }: Sidecar, name: string): Promise<readonly Sample[]> {
  const body = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return body.split("\n").flatMap((line) => {
    const [, labels, value] = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
    return value === undefined ? [] : [{ labels: labels ?? "", value: Number(value) }];
  });
}

function total(samples: readonly Sample[]): number {
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** Sends a request, and returns the status of its final response. */
async function exchange(wire: Wire, request: string): Promise<number> {
  const method = request.slice(0, request.indexOf(" "));
  wire.write(request);
  for (;;) {
    const { status } = await wire.readResponse(method);
    if (status >= 200) return status;
  }
}

/** The line of each exchange, by its id. */
async function checkLines(
  sidecar: Sidecar,
  exchanges: ReadonlyMap<string, { readonly method: string; readonly status: number }>,
): Promise<void> {
  for (const [id, { method, status }] of exchanges) {
    const line = await sidecar.line((one) => one["request_id"] === id);
    for (const key of ALWAYS)
      assert.ok(line[key] !== undefined, `${key} of ${JSON.stringify(line)}`);
    assert.equal(line["http.request.method"], method);
    assert.equal(line["http.response.status_code"], status);
    assert.equal(line["level"], status >= 500 ? "warn" : "info");
  }
  const count = exchanges.size;
  for (const name of ["requests_total", "request_duration_seconds_count"])
    assert.equal(total(await readSamples(sidecar, `headgate_${name}`)), count, name);
  const responses = await readSamples(sidecar, "headgate_upstream_response_seconds_count");
  assert.equal(total(responses), count);
}

async function start(t: test.TestContext, script: Script) {
  const origin: Origin = await startOrigin(t, script);
  const sidecar = await startSidecar(t, { upstream: origin.url });
  return { sidecar, wire: await openWire(t, sidecar.port) };
}

test("each status from 100 to 999 is logged as it was sent, and the samples add up", async (t) => {
  const { sidecar, wire } = await start(t, (request) => {
    const status = Number(request.target.slice(1));
    const isInterim = status < 200;
    if (isInterim) request.write(toHead(`${status} A`, []));
    const isBare = status === 204 || status === 304;
    request.write(toHead(`${isInterim ? 200 : status} B`, isBare ? [] : ["Content-Length: 0"]));
  });
  const exchanges = new Map<string, { method: string; status: number }>();
  for (let status = 100; status <= 999; status += 1) {
    if (status === 101) continue; // a switch that the client did not request
    const id = `status-${status}`;
    const sent = await exchange(wire, toRequest(`GET /${status}`, [`X-Request-Id: ${id}`]));
    assert.equal(sent, status < 200 ? 200 : status);
    exchanges.set(id, { method: "GET", status: sent });
  }
  await checkLines(sidecar, exchanges);
  const requests = await readSamples(sidecar, "headgate_requests_total");
  assert.equal(requests.filter(({ labels }) => /code="[2-5]\d\d"/.test(labels)).length, 400);
  assert.equal(requests.find(({ labels }) => labels.includes('code="other"'))?.value, 400);
});

const TOKEN = fc.string({
  unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"),
  minLength: 1,
  maxLength: 64,
});
const bytesOf = (isAllowed: (code: number) => boolean): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 1, max: 255 }).filter(isAllowed), { maxLength: 40 })
    .map((codes) => String.fromCharCode(...codes));
const TARGET = bytesOf((code) => code > 0x20 && code !== 0x7f && code !== 0x23).map(
  (rest) => `/${rest}`,
);
const VALUE = bytesOf((code) => code === 9 || (code >= 0x20 && code !== 0x7f));
const FIELDS = fc.array(
  fc.tuple(fc.oneof(TOKEN, fc.constantFrom("User-Agent", "traceparent")), VALUE).filter(isPlain),
  { maxLength: 8 },
);

/** Fields that do not concern the message's framing, its connection or its id. */
function isPlain([name]: readonly [string, string]): boolean {
  return !/^(?:host|connection|content-length|transfer-encoding|expect|upgrade|max-forwards|x-request-id)$/i.test(
    name,
  );
}

test("the line of any legal message has every required field, and the samples add up", async (t) => {
  const reason = "\xe9 reason\t!";
  const { sidecar, wire } = await start(t, async (request) => {
    const { body } = await request.completed;
    await text(body.toString(), [`X-Reason: ${reason}`])(request);
  });
  const method = fc.oneof(fc.constantFrom("GET", "HEAD", "POST", "DELETE"), TOKEN);
  const exchanges = new Map<string, { method: string; status: number }>();
  await fc.assert(
    fc.asyncProperty(
      method,
      TARGET,
      FIELDS,
      fc.boolean(),
      async (name, target, fields, hasBody) => {
        // Refused, or the last of its connection.
        fc.pre(!/^(?:pri|connect|head)$/i.test(name) || name === "HEAD");
        const id = `message-${exchanges.size}`;
        const lines = fields.map(([field, value]) => `${field}: ${value}`);
        const framing = hasBody ? ["Content-Length: 4"] : [];
        const sent = [`X-Request-Id: ${id}`, ...lines, ...framing];
        const request = toRequest(`${name} ${target} HTTP/1.1`, sent, hasBody ? "body" : "");
        exchanges.set(id, { method: name, status: await exchange(wire, request) });
      },
    ),
    { numRuns: 200 },
  );
  await checkLines(sidecar, exchanges);
});
