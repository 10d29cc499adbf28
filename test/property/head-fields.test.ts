/**
 * The general rule of a HEAD, over real sockets: with any upstream, every field of the response to a HEAD is that of the GET.
 *
 * Exceptions, as docs/head.md lists them: Transfer-Encoding and Trailer are left out, a length may be added if it is exact, a 206 proves
 * Accept-Ranges, and a shared response has an Age.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { fc } from "../support/property.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type ReceivedResponse, openWire } from "../support/wire.ts";

const DATE = "Sat, 29 Oct 1994 19:43:31 GMT";

/** If the upstream's own HEAD counts, it must be an upstream that serves HEAD. */
const MODES = {
  convert: "convert",
  auto: "{ mode: auto, fallbackOn: [404, 405, 501] }",
  native: "auto",
  pass: "pass",
  observe: "observe",
  measure: "{ contentLength: measure, drain: { time: 1h } }",
  probe: "{ range: probe }",
  both: "{ range: probe, contentLength: measure, drain: { time: 1h } }",
  share: "{ share: 1m }",
  all: "{ mode: auto, fallbackOn: [404, 405, 501], range: probe, contentLength: measure, drain: { time: 1h }, share: 1m }",
} as const;
const PROBES: ReadonlySet<string> = new Set(["probe", "both", "all"]);
const SERVES_HEAD: ReadonlySet<string> = new Set(["native", "pass", "observe"]);

const LINES = [
  "Set-Cookie: a=1",
  "set-cookie: b=2",
  "Vary: Origin",
  "vary: accept-encoding",
  "Cache-Control: no-store",
  "Content-Location: /x",
  "Location: /y",
  "WWW-Authenticate: Basic",
  "Allow: GET",
  "Age: 3",
  "Content-Digest: sha-256=:whole=:",
  "Connection: X-Gone",
  "X-Gone: 1",
  "Keep-Alive: timeout=9",
  "Upgrade: h2c",
  "Upgrade: TLS/1.0",
  "Connection: upgrade",
  "Content-Type: text/event-stream",
  "Proxy-Status: upstream",
  `Date: ${DATE}`,
];

const BACKEND = fc.record({
  start: fc.constantFrom(
    ...(["200 OK", "200 OK", "200 OK", "200 Fine", "201 Created", "204 No Content"] as const),
    ...(["301 Moved Permanently", "304 Not Modified", "401 Unauthorized", "403 No"] as const),
    ...(["404 Not Found", "500 Internal Server Error", "503 Later", "599 Odd"] as const),
    ...(["426 Upgrade Required"] as const),
  ),
  content: fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 40 }),
  lines: fc.subarray(LINES),
  etag: fc.constantFrom<string | undefined>('"a"', 'W/"a"', undefined),
  framing: fc.constantFrom("length", "chunked", "trailers", "close"),
  compresses: fc.constantFrom("never", "says so", "says so in a 200", "says nothing"),
  ranges: fc.constantFrom("ignored", "served", "served", "refused", "parts", "no total"),
  acceptRanges: fc.constantFrom("never", "in a 200", "always"),
  refusal: fc.constantFrom("404 Not Found", "405 Method Not Allowed", "501 Not Implemented"),
});
type Backend = typeof BACKEND extends fc.Arbitrary<infer Value> ? Value : never;

const REQUEST_LINES = fc.constantFrom(
  [],
  ["Accept-Encoding: gzip, br"],
  ["Accept-Encoding: identity"],
  ["If-None-Match: x", "Accept-Encoding: gzip"],
);

test("every field of a HEAD is its GET's, with any upstream", async (t) => {
  const backends = new Map<string, Backend>();
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    const [, mode = "", number = ""] = request.target.split("/");
    const backend = backends.get(number) ?? assert.fail(request.target);
    if (request.method === "HEAD" && !SERVES_HEAD.has(mode))
      request.write(toHead(backend.refusal, ["Content-Length: 0"]));
    else respond(request, backend);
  });
  const routes = Object.entries(MODES).map(([mode, head]) => `{ path: /${mode}/*, head: ${head} }`);
  const yaml = `routes: [${routes.join(", ")}]`;
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });

  const wire = await openWire(t, sidecar.port);
  let count = 0;
  await fc.assert(
    fc.asyncProperty(BACKEND, REQUEST_LINES, async (backend, lines) => {
      const number = String((count += 1));
      backends.set(number, backend);
      wire.write(toRequest(`GET /convert/${number}`, lines));
      const get = await wire.readResponse();
      for (const mode of Object.keys(MODES)) {
        for (const extra of [[], ["Range: bytes=1-2"]]) {
          wire.write(toRequest(`HEAD /${mode}/${number}`, [...lines, ...extra]));
          const head = await wire.readResponse("HEAD");
          // The 206 of such a backend lacks a field that it must have (RFC 9110 §15.3.7), and headgate cannot know that.
          const isLost = PROBES.has(mode) && backend.compresses === "says so in a 200";
          assertSame(head, get, mode, isLost ? "vary: Accept-Encoding" : undefined);
        }
      }
    }),
    { numRuns: 30 },
  );
});

/** The upstream's response to a GET, or to a HEAD that it serves. */
function respond(request: Arrival, backend: Backend): void {
  const { start, ranges, compresses } = backend;
  const is200 = start.startsWith("200");
  const hasRange = fieldValues(request, "range").length > 0 && request.method === "GET";
  const accepted = fieldValues(request, "accept-encoding").join();
  if (hasRange && is200 && ranges !== "ignored") respondPart(request, backend);
  else if (is200 && compresses !== "never" && accepted.includes("gzip"))
    respondWhole(request, toCompressed(backend));
  else respondWhole(request, backend);
}

function toCompressed({ content, etag, lines, ...backend }: Backend): Backend {
  return {
    ...backend,
    content: `zipped:${content}`,
    etag: etag?.replace(/^"/, 'W/"'),
    lines: [...lines, "Content-Encoding: gzip"],
  };
}

function respondPart(request: Arrival, { content, lines, ...backend }: Backend): void {
  if (backend.ranges === "refused" || content === "") {
    const range = `Content-Range: bytes */${content.length}`;
    return request.write(toHead("416 Range Not Satisfiable", [range, "Content-Length: 0"]));
  }
  const type = "Content-Type: multipart/byteranges; boundary=x";
  const total = backend.ranges === "no total" ? "*" : content.length;
  const own = [
    ...lines.map((line) => line.replace("whole", "part")),
    ...(backend.etag === undefined ? [] : [`ETag: ${backend.etag}`]),
    ...(backend.compresses === "says so" ? ["Vary: Accept-Encoding"] : []),
    ...(backend.acceptRanges === "always" ? ["Accept-Ranges: bytes"] : []),
    backend.ranges === "parts" ? type : `Content-Range: bytes 0-0/${total}`,
    "Content-Length: 1",
  ];
  request.write(`${toHead("206 Partial Content", own)}${content.slice(0, 1)}`);
}

const FRAMINGS: Readonly<Record<Backend["framing"], (content: string) => readonly string[]>> = {
  length: (content) => [`Content-Length: ${content.length}`],
  chunked: () => ["Transfer-Encoding: chunked"],
  trailers: () => ["Trailer: X-Sum", "Transfer-Encoding: chunked"],
  close: () => ["Connection: close"],
};

function respondWhole(request: Arrival, backend: Backend): void {
  const { start, framing, lines, etag, compresses, content } = backend;
  const is200 = start.startsWith("200");
  const varies = is200 && (compresses === "says so" || compresses === "says so in a 200");
  const own = [
    ...lines,
    ...(etag === undefined ? [] : [`ETag: ${etag}`]),
    ...(varies ? ["Vary: Accept-Encoding"] : []),
    ...(is200 && backend.acceptRanges !== "never" ? ["Accept-Ranges: bytes"] : []),
    ...FRAMINGS[framing](content),
  ];
  request.write(toHead(start, own));
  const hasContent = request.method === "GET" && !/^(?:204|304)/.test(start);
  if (hasContent) request.write(toFramed(content, framing));
  if (framing === "close") request.end();
}

function toFramed(content: string, framing: Backend["framing"]): string {
  if (framing === "length" || framing === "close") return content;
  const trailers = framing === "trailers" ? "X-Sum: 1\r\n" : "";
  return `${content === "" ? "" : toChunk(content)}0\r\n${trailers}\r\n`;
}

function assertSame(
  head: ReceivedResponse,
  get: ReceivedResponse,
  mode: string,
  lost: string | undefined,
): void {
  const added = new Set<string>();
  if (mode === "measure" || PROBES.has(mode)) added.add(`content-length: ${get.body.length}`);
  if (PROBES.has(mode)) added.add("accept-ranges: bytes");
  const expected = toLines(get, mode).filter((line) => line !== lost);
  const got = toLines(head, mode)
    .filter((line) => line !== lost)
    .filter((line) => expected.includes(line) || !added.has(line));
  assert.deepEqual([toStart(head, mode), ...got], [toStart(get, mode), ...expected], mode);
}

/** A 206 does not have the reason phrase of the 200. */
function toStart({ status, reason }: ReceivedResponse, mode: string): string {
  const isUnknown = status === 200 && PROBES.has(mode);
  return isUnknown ? String(status) : `${status} ${reason}`;
}

/** Sorted, as the length of a probed file stands last. */
function toLines({ lines }: ReceivedResponse, mode: string): readonly string[] {
  return lines
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .filter((line) => !/^(?:connection|keep-alive|transfer-encoding|trailer):/.test(line))
    .filter((line) => !line.startsWith("date:") || line.endsWith(DATE))
    .filter((line) => !line.startsWith("age:") || !(mode === "share" || mode === "all"))
    .toSorted();
}
