/**
 * What `headgate explain` prints is what the process does: random requests on random configurations, through real sockets.
 *
 * Each request is explained and then sent. A HEAD is sent twice, because what the second one costs is printed too: whether it shares the
 * first one's response, what mode auto remembers, and the limit.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { explain } from "../../src/cli/explain/command.ts";
import {
  type Explained,
  type Forwarded,
  explainRequest,
} from "../../src/cli/explain/explanation.ts";
import { hideSecrets } from "../../src/cli/explain/hide-secrets.ts";
import {
  type Backend,
  CONTENT,
  type ExplainedWorld,
  type Outcome,
  startExplainedWorld,
} from "../support/explained.ts";
import { fieldValues } from "../support/message.ts";
import type { Arrival } from "../support/origin.ts";
import { fc } from "../support/property.ts";
import type { LogLine } from "../support/sidecar.ts";
import type { ReceivedResponse } from "../support/wire.ts";

const CLIENT = "127.0.0.1";
const NEW_ID = "<made for each request>";
const NO_STORE = "Cache-Control: no-store";

const DRAIN = { time: "1m" } as const;
const MODES = ["convert", "convert", "auto", "auto", "pass", "observe", "reject"] as const;
const HEAD = fc.record(
  {
    mode: fc.constantFrom(...MODES),
    fallbackOn: fc.constantFrom([405, 501], [404, 405, 501], [404]),
    guards: fc.constantFrom([], ["tus"], ["signed"]),
    allow: fc.constantFrom("keep", "repair"),
    contentLength: fc.constantFrom("keep", "measure"),
    range: fc.constantFrom("strip", "probe"),
    share: fc.constantFrom("0s", "1m"),
    explain: fc.boolean(),
    limit: fc.constantFrom({ rate: "1/h" }, { concurrent: 9 }),
    // A busy machine must not cut off content that is counted.
    drain: fc.constant(DRAIN),
  },
  { requiredKeys: ["drain"] },
);
const ROUTE = fc.record(
  {
    host: fc.constantFrom("a.test", "*.test"),
    path: fc.constantFrom("/a", "/a/*", "/{x}/b", "/*"),
    head: HEAD,
    options: fc.constantFrom("forward", "reply", { allow: ["GET", "PUT"] }, { allow: ["HEAD"] }),
    upstream: fc.constant("second"),
  },
  { requiredKeys: ["path"] },
);
const FILE = fc.record(
  {
    head: HEAD,
    routes: fc.uniqueArray(ROUTE, {
      maxLength: 4,
      selector: ({ host, path }) => `${host} ${path}`,
    }),
    forwarded: fc.constantFrom("off", { trust: [] }, { trust: [CLIENT] }),
    requestId: fc.constantFrom("log", "forward"),
    limits: fc.constantFrom({ headerCount: 6 }, { headerBytes: "1KiB" }),
  },
  { requiredKeys: ["head"] },
);

type File = typeof FILE extends fc.Arbitrary<infer Value> ? Value : never;

/** Field lines that stand together. */
const FIELDS: readonly (readonly string[])[] = [
  ["Accept: a", "accept: b"],
  ["Accept-Encoding: gzip"],
  ["Accept-Encoding: identity"],
  ["X-Empty:"],
  ["X-Latin: \xe9"],
  ["Cookie: a=b"],
  ["Authorization: Basic YTpi"],
  ["Authorization: AWS4-HMAC-SHA256 a"],
  ["Tus-Resumable: 1.0.0"],
  ["X-HTTP-Method-Override: PUT"],
  ["Connection: close"],
  ["Connection: X-Own, close", "X-Own: 1", "x-own: 2"],
  ["Connection: Host, X-Forwarded-For"],
  ["Keep-Alive: 1", "Proxy-Connection: keep-alive"],
  ["TE: trailers"],
  ["TE: gzip", "Connection: TE"],
  ["Trailer: X-Sum"],
  ["Expect: 100-continue"],
  ["Range: bytes=0-1", "If-Range: x"],
  ["If-None-Match: x"],
  ["X-Forwarded-For: 192.0.2.1"],
  ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "X-Forwarded-Host: h"],
  ["X-Forwarded-Proto: https"],
  ["X_Forwarded_For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1"],
  ["X-Request-Id: mine"],
  ["X-Request-Id: not\tone"],
  ["Connection: Upgrade", "Upgrade: websocket"],
  ["Connection: upgrade, TE", "Upgrade: h2c, websocket"],
  ["Connection: Upgrade", "Upgrade: h2c"],
  ["Upgrade: websocket"],
  ["Max-Forwards: 0"],
  ["Max-Forwards: 3"],
  ["Origin: http://b", "Access-Control-Request-Method: PUT"],
  ["Content-Encoding: gzip"],
];
/** Field lines that make a request invalid. */
const FAULTS: readonly (readonly string[])[] = [
  ["Expect: other"],
  ["Host: b.test"],
  ["no colon"],
  ["Content-Length: x"],
  [`X-Long: ${"x".repeat(1024)}`],
  ["A: 1", "B: 1", "C: 1", "D: 1", "E: 1", "F: 1", "G: 1"],
];
const CHUNKED = "Transfer-Encoding: chunked";
const CHUNKS = "2\r\nhi\r\n0\r\n\r\n";

/** Field lines about the content, and the content. */
const CONTENTS: readonly (readonly [lines: readonly string[], content: string])[] = [
  [["Content-Length: 2"], "hi"],
  [["Content-Length: 0"], ""],
  [[CHUNKED], CHUNKS],
  [[CHUNKED, "Trailer: X-Sum"], "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"],
  [["Content-Length: 2", CHUNKED], CHUNKS],
  [["Transfer-Encoding: gzip"], ""],
];
const NO_CONTENT: (typeof CONTENTS)[number] = [[], ""];
const PATHS = ["/a", "/a/b", "/z/b", "/a//./b/", "/%61", "/a?x=1", "/\xc3\xa9"]
  .concat(["/a?_method=PUT", "/a?X-Amz-Signature=a"])
  .concat(["http://b.test/a?x", "http://a.test"]);
const BAD_TARGETS = ["*", "/a#f", "a", "http://u@b/"];
const METHODS = ["GET", "POST", "OPTIONS", "TRACE", "PURGE", "get", "head", "CONNECT"] as const;

const REQUEST = fc.record({
  method: fc.oneof(fc.constant("HEAD"), fc.constantFrom(...METHODS)),
  target: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...PATHS) },
    { weight: 1, arbitrary: fc.constantFrom(...BAD_TARGETS) },
  ),
  host: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom("a.test", "A.test:80", "b.a.test", "other") },
    { weight: 1, arbitrary: fc.constant("a,b") },
  ),
  fields: fc.uniqueArray(fc.constantFrom(...FIELDS), { maxLength: 3 }),
  fault: fc.option(fc.constantFrom(...FAULTS), { freq: 1, nil: [] }).map((lines) => lines),
  content: fc.option(fc.constantFrom(...CONTENTS), { freq: 3, nil: NO_CONTENT }),
});
type Request = typeof REQUEST extends fc.Arbitrary<infer Value> ? Value : never;

const BACKEND: fc.Arbitrary<Backend> = fc.record({
  headStatus: fc.constantFrom(200, 200, 404, 405, 501),
  isChunked: fc.boolean(),
  servesRanges: fc.boolean(),
  switchesProtocols: fc.boolean(),
  lines: fc.subarray(["Allow: GET", NO_STORE, "Vary: Accept"]),
});

/** One explained request, and how the upstreams respond to it. */
interface Explaining {
  readonly world: ExplainedWorld;
  readonly request: Request;
  readonly explained: Explained;
  readonly backend: Backend;
}

function toFieldLines({ host, fields, fault, content: [lines] }: Request): readonly string[] {
  return [`Host: ${host}`, ...fields.flat(), ...fault, ...lines];
}

function toSection(request: Request): string {
  const start = `${request.method} ${request.target} HTTP/1.1`;
  return `${[start, ...toFieldLines(request)].join("\r\n")}\r\n\r\n`;
}

function send({ world, request }: Explaining): Promise<Outcome> {
  return world.send(request.method, toSection(request) + request.content[1]);
}

/** A response of headgate's own. */
async function assertLocal(explaining: Explaining): Promise<void> {
  const { request, explained } = explaining;
  const { status, reason } = explained.response ?? assert.fail();
  const { response, arrivals, line } = await send(explaining);
  assert.deepEqual(arrivals, []);
  assert.deepEqual([response.status, line["route"]], [status, explained.match?.route.name]);
  const allow = /with Allow: (.*)$/.exec(reason)?.[1];
  if (allow !== undefined) assert.deepEqual(fieldValues(response, "allow"), [allow]);
  if (status < 400) return;
  if (reason === "the route rejects HEAD") return assert.equal(line["head"], "reject");
  assert.ok(String(line["msg"]).startsWith(reason), `${line["msg"]}`);
  assert.equal(line["head"], undefined, request.method);
}

/** A request that goes upstream. */
async function assertForwarded(explaining: Explaining, forwarded: Forwarded): Promise<void> {
  const { explained, backend } = explaining;
  const outcome = await send(explaining);
  const { response, arrivals, line } = outcome;
  const [[upstream, arrival] = assert.fail("nothing went up")] = arrivals;
  assert.equal(upstream, forwarded.upstream);
  assert.deepEqual([line["upstream"], line["route"]], [upstream, explained.match?.route.name]);
  await assertArrival(arrival, forwarded, line);
  assertResponse(response, forwarded, backend);
  const isSwitched = forwarded.isTunnel && backend.switchesProtocols;
  assert.equal(response.status === 101, isSwitched);
  assert.equal(line["msg"], isSwitched ? "tunnel" : "request");
  if (forwarded.head !== undefined) return assertHead(explaining, forwarded, outcome);
  assert.equal(arrivals.length, 1);
  assert.equal(line["head"], undefined);
}

/** The request that the upstream gets. */
async function assertArrival(arrival: Arrival, forwarded: Forwarded, line: LogLine): Promise<void> {
  const { method, target, fields, dropped, framing } = forwarded;
  const lines = fields.map(
    ({ name, value }) => `${name}: ${value === NEW_ID ? line["request_id"] : value}`,
  );
  assert.deepEqual([arrival.start, ...arrival.lines], [`${method} ${target} HTTP/1.1`, ...lines]);
  const names = new Set(lines.map((each) => each.slice(0, each.indexOf(":")).toLowerCase()));
  for (const { name, reason } of dropped)
    // headgate's own field of that name may be there.
    if (!reason.startsWith("Connection lists it"))
      assert.ok(!names.has(name.toLowerCase()), `${name} goes up`);
  const { body } = await arrival.completed;
  assert.equal(body.toString(), framing === "none" ? "" : "hi");
}

/** The effect of the rules on the client's response. */
function assertResponse(
  response: ReceivedResponse,
  { rules }: Forwarded,
  { lines }: Backend,
): void {
  if (response.status === 101) return;
  const allow = rules.allow === "repair" ? "GET, HEAD" : "GET";
  assert.deepEqual(fieldValues(response, "allow"), lines.includes("Allow: GET") ? [allow] : []);
  const details = fieldValues(response, "proxy-status").filter((value) =>
    value.startsWith("headgate; details="),
  );
  assert.equal(details.length, rules.explain === true ? 1 : 0);
}

/** The requests that a HEAD costs, its outcome in the log, and its Content-Length: the first time, and once more. */
async function assertHead(
  explaining: Explaining,
  forwarded: Forwarded,
  outcome: Outcome,
): Promise<void> {
  const said = readHead(forwarded, explaining.backend);
  assert.deepEqual(toCosts(outcome), { methods: said.methods, head: said.head });
  for (const [, { method, lines }] of outcome.arrivals)
    if (method === "GET") assert.equal(lines.includes("Range: bytes=0-0"), said.isRanged);
  const length = fieldValues(outcome.response, "content-length");
  assert.deepEqual(length, said.hasLength ? [String(CONTENT.length)] : []);
  assert.deepEqual(toCosts(await send(explaining)), toSecond(forwarded, said, explaining.backend));
}

/** What the printed words mean for the first HEAD, with this backend. */
function readHead({ method, head, fields, content }: Forwarded, backend: Backend) {
  const words = content.join("\n");
  const acceptsCoding = fields.some(
    ({ name, value }) => name === "Accept-Encoding" && value !== "identity",
  );
  const isRefused = readFallbackOn(words).includes(backend.headStatus);
  const methods = isRefused ? ["HEAD", "GET"] : [method];
  const usesGet = methods.includes("GET");
  const isRanged = usesGet && words.includes("has Range: bytes=0-0") && !acceptsCoding;
  const isProbed = isRanged && backend.servesRanges;
  const isMeasured = usesGet && words.includes("adds its length");
  return {
    words,
    methods,
    head: isProbed ? "probed" : isRefused ? "fallback" : head,
    isRefused,
    isRanged,
    hasLength: !backend.isChunked || isProbed || isMeasured,
  };
}

/** What they mean for a second HEAD. */
function toSecond(
  { rules }: Forwarded,
  { words, methods, head, isRefused }: ReturnType<typeof readHead>,
  { lines }: Backend,
) {
  if (words.includes("get this response too") && !lines.includes(NO_STORE))
    return { methods: [], head: "shared" };
  const isRemembered = isRefused && words.includes("headgate remembers");
  const own = isRemembered ? ["GET"] : methods;
  if (methods.includes("GET") && rules.limit?.rate !== undefined)
    return { methods: own.filter((method) => method === "HEAD"), head: "reject" };
  return { methods: own, head: isRemembered && head === "fallback" ? "convert" : head };
}

function readFallbackOn(words: string): readonly number[] {
  const statuses = /After a ([\d or]+) it sends/.exec(words)?.[1] ?? "";
  return statuses.split(" or ").map(Number);
}

function toCosts({ arrivals, line }: Outcome) {
  return { methods: arrivals.map(([, { method }]) => method), head: line["head"] };
}

/** The command prints what was computed, as text and as JSON. It has a URL and flags, so it cannot have every request. */
async function assertPrinted({ world, request, explained }: Explaining): Promise<void> {
  const { method, target, fault } = request;
  const isAscii = /^[\x21-\x7e]*$/.test(target);
  if (!target.startsWith("/") || target.includes("#") || !isAscii || fault[0] === "no colon")
    return;
  const fields = toFieldLines(request).flatMap((line) => ["-H", line]);
  const args = [method, target, ...fields, "--config=f.yaml"];
  const { request: shown, match, response, forwarded } = hideSecrets(explained);
  const json = JSON.parse(await print(world, [...args, "--json"]));
  assert.deepEqual(
    [json.request.target, json.route?.name, json.answer, json.forwarded],
    [shown.target, match?.route.name, ...[response, forwarded].map(toPlain)],
  );
  const text = await print(world, args);
  const lines = [
    ...(response ? [`headgate itself responds with ${response.status}: ${response.reason}.`] : []),
    ...(forwarded ? [`  ${forwarded.method} ${forwarded.target} HTTP/1.1\n`] : []),
    ...(forwarded?.fields ?? []).map(({ name, value }) => `  ${name}: ${value}`.trimEnd()),
    ...(forwarded?.content ?? []).map((sentence) => `  ${sentence}\n`),
  ];
  for (const line of lines) assert.ok(text.includes(line), line);
}

async function print({ directory }: ExplainedWorld, args: readonly string[]): Promise<string> {
  let printed = "";
  await explain(args, {
    env: {},
    cwd: directory,
    readInput: () => Promise.reject(new Error("nothing is read")),
    out: (text) => void (printed += text),
    err: () => undefined,
  });
  return printed;
}

function toPlain(value: object | undefined): unknown {
  return value && JSON.parse(JSON.stringify(value));
}

const PLAIN: Request = {
  method: "GET",
  target: "/a",
  host: "a.test",
  fields: [],
  fault: [],
  content: NO_CONTENT,
};
const REFUSING: Backend = {
  headStatus: 405,
  isChunked: false,
  servesRanges: false,
  switchesProtocols: false,
  lines: ["Allow: GET"],
};
/** The differences that this test has found. */
const EXAMPLES: [File, Request, Backend][] = [
  [
    { head: { mode: "auto", drain: DRAIN } },
    { ...PLAIN, method: "HEAD", target: "/a?_method=PUT" },
    REFUSING,
  ],
  [
    { head: { allow: "repair", drain: DRAIN } },
    { ...PLAIN, fields: [["Connection: Upgrade", "Upgrade: websocket"]] },
    REFUSING,
  ],
];

// Symptom: of a HEAD with a method override in mode auto, explain printed that what its path needs is remembered; of an upgrade on a route
// with `allow: repair` it left out that HEAD is added to Allow, which happens where the upstream does not switch protocols.
// Root cause: the sentences knew the route and not the request; the rules were left out for every upgrade.
// Fix: the sentences are made from the request as well, and an upgrade has the rules of its route.
test("what explain prints of a request is what happens to it, whatever the configuration", async (t) => {
  const world = await startExplainedWorld(t);
  const property = fc.asyncProperty(FILE, REQUEST, BACKEND, async (file, request, backend) => {
    const config = await world.load(file, backend);
    const explained = explainRequest(config, toSection(request), CLIENT);
    const explaining = { world, request, explained, backend };
    await assertPrinted(explaining);
    const { forwarded } = explained;
    if (forwarded === undefined) await assertLocal(explaining);
    else await assertForwarded(explaining, forwarded);
  });
  await fc.assert(property, { numRuns: 120, examples: EXAMPLES });
});
