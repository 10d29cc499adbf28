import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/schema.ts";
import { planShare } from "../../src/head/plan.ts";
import { type Lead, type ShareLimits, createSharing } from "../../src/head/share.ts";
import type { SharedAnswer } from "../../src/head/shared-answer.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { readAnswerFields } from "../../src/http/headers.ts";
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
};
const GONE = new ProxyError("client_gone");
const TIGHT: ShareLimits = { targets: 2, variants: 2, bytes: 300, answerBytes: 100, waiting: 3 };
const WIDE: ShareLimits = { targets: 99, variants: 99, bytes: 1e6, answerBytes: 1e4, waiting: 99 };

const requestLine = fc.constantFrom(
  "Accept-Language: de",
  "accept-language: en",
  "Accept-Language:",
  "Accept-Encoding: gzip",
  "Accept-Encoding: br",
  "Cookie: a=b",
  "AUTHORIZATION: c",
  "X-Key: 1",
  "x-key: 2",
  "X-Forwarded-Proto: https",
  "X-Forwarded-For: 192.0.2.1",
);
const answerLine = fc.constantFrom(
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
  isTrusted: fc.boolean(),
});
const answer = fc.record({
  kind: fc.constant("answer" as const),
  index: fc.nat(5),
  status: fc.constantFrom(200, 200, 200, 404, 302, 503),
  lines: fc.array(answerLine, { maxLength: 2 }),
});
const other = fc.oneof(
  fc.record({ kind: fc.constantFrom("fail" as const, "leave" as const), index: fc.nat(5) }),
  fc.record({ kind: fc.constant("later" as const), ms: fc.nat(700) }),
  fc.record({ kind: fc.constant("forget" as const), path: fc.constantFrom("/x", "/y") }),
);
const step = fc.oneof(
  { weight: 4, arbitrary: ask },
  { weight: 3, arbitrary: answer },
  { weight: 3, arbitrary: other },
);

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
type Asked = Extract<Step, { kind: "ask" }>;

/** An answer, and the request that it was given to. */
interface Origin {
  readonly asked: Asked;
  readonly lines: readonly string[];
  readonly atMs: number;
}

function valuesOf(lines: readonly string[], name: string): string {
  const found = lines.filter((line) => line.toLowerCase().startsWith(`${name}:`));
  return JSON.stringify(found.map((line) => line.slice(name.length + 1).trim()));
}

/** The upstream might have said the same to this request. */
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

/** Takes steps and checks whatever is told. */
function createWorld(limits: ShareLimits) {
  let nowMs = 0;
  let told = 0;
  const sharing = createSharing(() => nowMs, limits);
  const asking: { readonly asked: Asked; readonly lead: Lead }[] = [];
  const origins: Origin[] = [];
  const waiting: Promise<void>[] = [];

  const originOf = (shared: SharedAnswer): Origin => {
    told += 1;
    const fields = shared.toFields("1.1", nowMs);
    return origins[Number(fields[fields.indexOf("X-N") + 1])] ?? assert.fail();
  };
  const join = (asked: Asked): void => {
    const { host, path, lines } = asked;
    const fields = toFields(lines);
    const peer = { address: "192.0.2.9", trusted: asked.isTrusted };
    const plan = planShare(ROUTE, { path, fields, framing: "none", upgrade: undefined }, peer);
    if ("obstacle" in plan) return;
    const place = sharing.join({ host, path, fields, ...plan, shareMs: SHARE_MS, cancel() {} });
    if (place.kind === "asks") asking.push({ asked, lead: place.lead });
    if (place.kind === "told") {
      const origin = originOf(place.answer);
      assertMeantFor(asked, origin);
      assert.ok(nowMs < origin.atMs + SHARE_MS, "it is fresh");
    }
    if (place.kind !== "waits") return;
    const check = (shared: SharedAnswer | undefined): void => {
      if (shared !== undefined) assertMeantFor(asked, originOf(shared));
    };
    waiting.push(place.seat.answer.then(check, (error) => assert.equal(error, GONE)));
  };
  const end = (one: Extract<Step, { kind: "answer" | "fail" | "leave" }>): void => {
    const [taken] = asking.splice(one.index % Math.max(1, asking.length), 1);
    if (taken === undefined) return;
    const { asked, lead } = taken;
    if (one.kind === "fail") lead.failed(GONE);
    if (one.kind === "leave") lead.leave(GONE);
    if (one.kind === "leave") asking.push(taken); // it asks on for the others
    if (one.kind !== "answer") return;
    const lines = [...one.lines, `X-N: ${origins.length}`];
    origins.push({ asked, lines: one.lines, atMs: nowMs });
    lead.answered(one.status, "", readAnswerFields(toFields(lines)));
    lead.ended();
  };
  return {
    async take(one: Step) {
      if (one.kind === "ask") join(one);
      else if (one.kind === "later") nowMs += one.ms;
      else if (one.kind === "forget") sharing.forget({ host: "a", path: one.path });
      else end(one);
      await Promise.resolve(); // who waits is told now
    },
    async finish() {
      for (const { lead } of asking) lead.ended();
      await Promise.all(waiting);
      return told;
    },
  };
}

for (const [title, limits] of [
  ["", WIDE],
  [", nor where the limits are always reached", TIGHT],
] as const) {
  test(`no HEAD is told an answer to one that differs in what Vary names, or with credentials${title}`, async () => {
    let told = 0;
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: "max" }),
      async (steps) => {
        const world = createWorld(limits);
        for (const one of steps) await world.take(one);
        told += await world.finish();
      },
    );
    await fc.assert(property, { numRuns: 500 });
    assert.ok(told > 100, `${told} answers were told`);
  });
}
