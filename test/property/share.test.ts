import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/types.ts";
import type { Attempt } from "../../src/head/share/attempt.ts";
import { planHead } from "../../src/proxy/plan.ts";
import {
  type Leader,
  type ShareLimits,
  createResponseSharing,
} from "../../src/head/share/share.ts";
import type { WaitResult } from "../../src/head/share/in-flight.ts";
import type { StoredResponse } from "../../src/head/share/stored-response.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { readResponseFields } from "../../src/http/response-fields.ts";
import { toFields } from "../support/fields.ts";
import { toHeadConfig } from "../support/head.ts";
import { fc } from "../support/property.ts";

const SHARE_MS = 1_000;
const ROUTE: RouteConfig = {
  name: "x",
  host: undefined,
  path: "/*",
  head: { ...toHeadConfig("convert"), share: SHARE_MS },
  upstream: "default",
  responseTimeout: 1,
  idleTimeout: 1,
  strict: false,
};
const GONE = new ProxyError("client_gone");
const TIGHT: ShareLimits = { targets: 2, variants: 2, bytes: 300, responseBytes: 100, waiting: 3 };
const WIDE: ShareLimits = {
  targets: 99,
  variants: 99,
  bytes: 1e6,
  responseBytes: 1e4,
  waiting: 99,
};

const requestLine = fc.constantFrom(
  "Accept-Language: de",
  "accept-language: en",
  "Accept-Language:",
  "Accept-Encoding: gzip",
  "Accept-Encoding: br",
  "User-Agent: a",
  "User-Agent: b",
  "Cookie: a=b",
  "AUTHORIZATION: c",
  "X-Key: 1",
  "x-key: 2",
  "X-Forwarded-Proto: https",
  "X-Forwarded-For: 192.0.2.1",
);
const responseLine = fc.constantFrom(
  "Vary: Accept-Language",
  "vary: accept-encoding, X-Key",
  "Vary: *",
  "Vary: Cookie",
  "Cache-Control: no-store",
  "Cache-Control: private",
  "cache-control: max-age=1",
  "Set-Cookie: a=b",
  "X-Long: 0123456789012345678901234567890123456789",
);
const ask = fc.record({
  kind: fc.constant("ask" as const),
  host: fc.constantFrom("a", "a", "a", "b", undefined),
  path: fc.constantFrom("/x", "/x", "/x", "/y", "/x?"),
  lines: fc.array(requestLine, { maxLength: 2 }),
  address: fc.constantFrom("192.0.2.1", "192.0.2.1", "192.0.2.2"),
  isTrusted: fc.boolean(),
});
const response = fc.record({
  kind: fc.constant("answer" as const),
  index: fc.nat(5),
  status: fc.constantFrom(200, 200, 200, 404, 302, 503),
  lines: fc.array(responseLine, { maxLength: 2 }),
});
const other = fc.oneof(
  fc.record({ kind: fc.constantFrom("fail" as const, "leave" as const), index: fc.nat(5) }),
  fc.record({ kind: fc.constant("later" as const), ms: fc.nat(700) }),
  fc.record({ kind: fc.constant("forget" as const), path: fc.constantFrom("/x", "/y") }),
);
const step = fc.oneof(
  { weight: 4, arbitrary: ask },
  { weight: 3, arbitrary: response },
  { weight: 3, arbitrary: other },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
type Asked = Extract<Step, { kind: "ask" }>;

/** A response, and the request that it belongs to. */
interface Origin {
  readonly asked: Asked;
  readonly lines: readonly string[];
  readonly atMs: number;
  readonly isError: boolean;
  /** How many errors preceded it. */
  readonly errors: number;
}

function valuesOf(lines: readonly string[], name: string): string {
  const found = lines.filter((line) => line.toLowerCase().startsWith(`${name}:`));
  return JSON.stringify(found.map((line) => line.slice(name.length + 1).trim()));
}

/** The upstream might have sent the same response to this request. */
function assertMeantFor(asked: Asked, origin: Origin): void {
  const names = origin.lines
    .filter((line) => /^vary:/i.test(line))
    .flatMap((line) => line.slice(5).split(","))
    .map((name) => name.trim().toLowerCase());
  assert.ok(!names.includes("*"));
  assert.deepEqual([asked.host, asked.path], [origin.asked.host, origin.asked.path]);
  for (const name of [...names, "x-key", "x-forwarded-proto"])
    assert.equal(valuesOf(asked.lines, name), valuesOf(origin.asked.lines, name), name);
  for (const name of ["cookie", "authorization"])
    for (const { lines } of [asked, origin.asked]) assert.equal(valuesOf(lines, name), "[]");
  assert.equal(valuesOf(origin.lines, "set-cookie"), "[]");
  assert.doesNotMatch(valuesOf(origin.lines, "cache-control"), /no-store|private/);
  if (valuesOf(asked.lines, "x-forwarded-proto") !== "[]")
    assert.equal(asked.isTrusted, origin.asked.isTrusted);
}

/** What makes two requests equal for the upstream. */
function toText({ host, path, lines, address, isTrusted }: Asked): string {
  return JSON.stringify([host, path, lines, address, isTrusted]);
}

/** A caller with a HEAD. */
interface Asking {
  readonly asked: Asked;
  readonly lead: Leader;
  /** How many errors preceded it, and how many responses that could not be shared. */
  readonly attempt: Attempt | undefined;
  hasLeft: boolean;
}

/** Takes steps and checks every response that a waiter gets. */
// oxlint-disable-next-line max-lines-per-function -- one world: its state, and what happens in it
function createWorld(limits: ShareLimits, luck: () => number) {
  let nowMs = 0;
  let told = 0;
  const sharing = createResponseSharing(() => nowMs, limits, luck);
  const asking: Asking[] = [];
  const origins: Origin[] = [];
  const waiting = new Set<Promise<void>>();
  /** Until when a request's equals may be sent alone because of it. */
  const alone = new Map<string, number>();
  let forgotten = 0;

  const originOf = (shared: StoredResponse): Origin => {
    told += 1;
    const fields = shared.toFields(nowMs);
    return origins[Number(fields[fields.indexOf("X-N") + 1])] ?? assert.fail();
  };
  const join = (asked: Asked, attempt?: Attempt): void => {
    const { host, path, lines, address, isTrusted } = asked;
    const fields = toFields(lines);
    const peer = { address, trusted: isTrusted };
    const request = { path, endToEnd: fields, framing: "none", upgrade: undefined } as const;
    const { share: plan } = planHead(ROUTE, request, peer);
    if (plan === undefined || "bypassReason" in plan) return;
    const question = { host, path, fields, address, ...plan, shareMs: SHARE_MS, attempt };
    const place = sharing.join({ ...question, responseTimeoutMs: 60_000, cancel() {} });
    if (place.kind === "lead") asking.push({ asked, lead: place.leader, attempt, hasLeft: false });
    if (place.kind === "bypass" && limits === WIDE && (attempt?.unshared ?? 0) < 3)
      assert.ok(nowMs < (alone.get(toText(asked)) ?? 0), "only what an equal one was told counts");
    if (place.kind === "hit") {
      const origin = originOf(place.response);
      assertMeantFor(asked, origin);
      assert.ok(nowMs < origin.atMs + SHARE_MS, "it is fresh");
      assert.ok(!origin.isError, "no error is kept");
    }
    if (place.kind !== "wait") return;
    const check = (verdict: WaitResult): void => {
      waiting.delete(checked);
      if (verdict.kind === "again") {
        assert.ok(verdict.attempt.errors <= 8 && verdict.attempt.unshared <= 3);
        return join(asked, verdict.attempt);
      }
      const origin = verdict.kind === "response" ? originOf(verdict.response) : failed;
      if (verdict.kind === "response") assertMeantFor(asked, originOf(verdict.response));
      if (origin?.isError === true && toText(origin.asked) !== toText(asked))
        assert.ok(origin.errors >= 7, "eight have got an error");
    };
    const checked = place.waiter.result.then(check, (error) => assert.equal(error, GONE));
    waiting.add(checked);
  };
  let failed: Origin | undefined;
  const end = (one: Extract<Step, { kind: "answer" | "fail" | "leave" }>): void => {
    const index = one.index % Math.max(1, asking.length);
    const taken = asking[index];
    if (taken === undefined) return;
    const { asked, lead, attempt } = taken;
    if (one.kind === "leave") {
      taken.hasLeft = true;
      return lead.leave(GONE); // the request goes on for the others
    }
    asking.splice(index, 1);
    const lines = one.kind === "answer" ? one.lines : [];
    const isError = one.kind !== "answer" || one.status === 503;
    failed = { asked, lines, atMs: nowMs, isError, errors: attempt?.errors ?? 0 };
    if (one.kind !== "answer") return lead.onError(GONE);
    origins.push(failed);
    alone.set(toText(asked), nowMs + 10_000);
    const fields = toFields([...lines, `X-N: ${origins.length - 1}`]);
    lead.onResponse(one.status, "", readResponseFields(fields));
    lead.onEnd();
  };
  // No HEAD is sent while an equal one is in flight, unless its target was forgotten in between.
  const assertOneEach = (): void => {
    const first = asking.filter(({ attempt, hasLeft }) => attempt === undefined && !hasLeft);
    const texts = first.map(({ asked }) => toText(asked));
    if (limits === WIDE && forgotten === 0) assert.equal(new Set(texts).size, texts.length);
  };
  return {
    async take(one: Step) {
      if (one.kind === "ask") join(one);
      else if (one.kind === "later") nowMs += one.ms;
      else if (one.kind === "forget") {
        forgotten += 1;
        sharing.invalidate({ host: "a", path: one.path });
      } else end(one);
      // The waiters get a result now, and are sent again.
      for (let turns = 0; turns < 4; turns += 1) await Promise.resolve();
      assertOneEach();
    },
    async finish() {
      while (asking.length > 0) {
        for (const { lead } of asking.splice(0)) lead.onEnd();
        for (let turns = 0; turns < 4; turns += 1) await Promise.resolve();
      }
      await Promise.all(waiting);
      return told;
    },
  };
}

for (const [title, limits] of [
  ["", WIDE],
  [", nor if the limits are always reached", TIGHT],
] as const) {
  test(`no HEAD gets a response to one that differs in what Vary names, or with credentials, nor pays for other clients' requests${title}`, async () => {
    let told = 0;
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.constantFrom(0, 0.4, 0.99),
      async (steps, luck) => {
        const world = createWorld(limits, () => luck);
        for (const one of steps) await world.take(one);
        told += await world.finish();
      },
    );
    await fc.assert(property, { numRuns: 500 });
    assert.ok(told > 100, `${told} answers were told`);
  });
}
