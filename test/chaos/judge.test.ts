import assert from "node:assert/strict";
import test from "node:test";
import { judge } from "../../tools/chaos/judge.ts";
import { type Send, createLedger } from "../../tools/chaos/ledger.ts";
import { findLeftovers } from "../../tools/chaos/leftovers.ts";
import type { Observed } from "../../tools/chaos/observed.ts";
import type { Plan } from "../../tools/chaos/plan.ts";

const PLAN: Plan = {
  road: "tcp",
  id: "c0-1",
  method: "GET",
  fault: "none",
  manner: "plain",
  head: "convert",
  framing: "length",
  size: 10,
  upload: 0,
  uploadFraming: "length",
  salt: 50,
};
const CALM = { excuses: new Set<never>(), isRace: false, isCutShort: false, isStopping: false };

function response(from: "upstream" | "headgate", status: number, id = PLAN.id): Observed {
  return { kind: "answer", from, status, id, closes: false };
}

const cases: readonly (readonly [string, Partial<Plan>, Observed, RegExp | undefined])[] = [
  ["the upstream's response", {}, response("upstream", 200), undefined],
  ["a failure without a cause", {}, response("headgate", 502), /^headgate answered 502/],
  ["a failure with a cause", { fault: "closeBefore" }, response("headgate", 502), undefined],
  [
    "another failure",
    { fault: "closeBefore" },
    response("headgate", 500),
    /^headgate answered 500/,
  ],
  [
    "a failure of another request",
    { fault: "closeBefore" },
    response("headgate", 502, "c9-9"),
    /c9-9/,
  ],
  ["a status that the upstream did not send", {}, response("upstream", 201), /^status 201$/],
  [
    "a truncated response, as if complete",
    { fault: "closeMid" },
    response("upstream", 200),
    /^a complete answer/,
  ],
  ["a truncated response", { fault: "closeMid" }, { kind: "broken" }, undefined],
  [
    "a HEAD whose response came before the fault",
    { fault: "closeMid", method: "HEAD" },
    response("upstream", 200),
    undefined,
  ],
  ["a response that is truncated without a cause", {}, { kind: "broken" }, /without a cause/],
  ["no answer", {}, { kind: "unanswered" }, /no answer/],
  ["a response that never comes", {}, { kind: "hung" }, /in vain/],
  [
    "a connection that ends without a cause",
    {},
    { ...response("upstream", 200), closes: true } as Observed,
    /closed/,
  ],
  ["a full queue with few connections", { road: "narrow" }, response("headgate", 503), undefined],
  ["a full queue with many connections", {}, response("headgate", 503), /^headgate answered 503/],
  ["a name that is not found", { road: "hung" }, response("headgate", 504), undefined],
  [
    "a response from the upstream",
    { road: "hung" },
    response("upstream", 200),
    /^a complete answer/,
  ],
  [
    "a stream that is refused without a cause",
    {},
    { kind: "refused" },
    /^a refused request reached the upstream$/,
  ],
  ["a reader that stops, and is reset", { manner: "deafReader" }, { kind: "broken" }, undefined],
  [
    "a HEAD that the upstream refuses in mode pass",
    { method: "HEAD", head: "pass", salt: 4 },
    response("upstream", 405),
    undefined,
  ],
  [
    "a HEAD that the upstream refuses in mode auto",
    { method: "HEAD", head: "auto", salt: 4 },
    response("upstream", 405),
    /^status 405$/,
  ],
  [
    "a HEAD that its route rejects, and the upstream got",
    { method: "HEAD", head: "reject" },
    response("headgate", 405),
    /^the upstream got a HEAD that its route rejects$/,
  ],
  ["no request, refused", { manner: "bad" }, response("headgate", 400), /the upstream got/],
];

for (const [what, plan, observed, expected] of cases) {
  test(`chaos judges ${what}: ${expected === undefined ? "kept" : "broken"}`, () => {
    const verdict = judge({ plan: { ...PLAN, ...plan }, arrivals: 1 }, observed, CALM);
    if (expected === undefined) assert.equal(verdict, undefined);
    else assert.match(verdict ?? "", expected);
  });
}

test("chaos excuses a failure that a disturbance explains, and a POST that met a dying connection", () => {
  const failed = response("headgate", 502);
  const exchange = { plan: PLAN, arrivals: 0 };
  assert.equal(judge(exchange, failed, { ...CALM, excuses: new Set([502]) }), undefined);
  assert.notEqual(judge(exchange, failed, { ...CALM, isRace: true }), undefined);
  const post = { plan: { ...PLAN, method: "POST" as const }, arrivals: 0 };
  assert.equal(judge(post, failed, { ...CALM, isRace: true }), undefined);
});

test("chaos excuses a request that crosses a stop, if the upstream never got it", () => {
  const stopping = { ...CALM, isStopping: true };
  for (const kind of ["refused", "nothing", "unanswered"] as const) {
    assert.equal(judge({ plan: PLAN, arrivals: 0 }, { kind }, stopping), undefined);
    assert.notEqual(judge({ plan: PLAN, arrivals: 1 }, { kind }, stopping), undefined);
    assert.notEqual(judge({ plan: PLAN, arrivals: 0 }, { kind }, CALM), undefined);
  }
  assert.notEqual(judge({ plan: PLAN, arrivals: 1 }, { kind: "broken" }, stopping), undefined);
  const closing = { ...response("upstream", 200), closes: true } as Observed;
  assert.equal(judge({ plan: PLAN, arrivals: 1 }, closing, stopping), undefined);
});

const SENT: Send = { method: "GET", turn: 2, ended: () => "end", hasResponse: () => false };
const AGAIN: Send = { ...SENT, turn: 1 };

const repetitions: readonly (readonly [string, readonly Send[], RegExp | undefined])[] = [
  ["once", [SENT], undefined],
  ["again on a new connection when a used one died", [SENT, AGAIN], undefined],
  ["a third time", [SENT, AGAIN, AGAIN], /^a request was sent 3 times$/],
  ["again when a new connection died", [AGAIN, AGAIN], /had served nothing/],
  ["again on a used connection", [SENT, SENT], /had served before/],
  ["again beside a living connection", [{ ...SENT, ended: () => "no" }, AGAIN], /was alive/],
  ["again after bytes of its response", [{ ...SENT, hasResponse: () => true }, AGAIN], /had begun/],
  [
    "again after a reset, which may have overtaken bytes",
    [{ ...SENT, hasResponse: () => true, ended: () => "reset" }, AGAIN],
    undefined,
  ],
];

for (const [what, sends, expected] of repetitions) {
  test(`chaos judges a GET that is sent ${what}: ${expected === undefined ? "kept" : "broken"}`, () => {
    const ledger = createLedger();
    ledger.begin(PLAN);
    for (const send of sends) ledger.arrived(PLAN.id, send);
    const found = ledger.violations.map(({ what: fault }) => fault).join();
    if (expected === undefined) assert.equal(found, "");
    else assert.match(found, expected);
  });
}

const methods: readonly (readonly [Plan["head"], readonly string[], RegExp | undefined])[] = [
  ["convert", ["GET"], undefined],
  ["convert", ["HEAD"], /^a HEAD \(convert\) was sent as HEAD$/],
  ["auto", ["HEAD", "GET"], undefined],
  ["auto", ["GET", "HEAD"], /^a HEAD was sent after its GET$/],
  ["pass", ["HEAD", "GET"], /^a HEAD \(pass\) was sent as GET$/],
];

for (const [head, sent, expected] of methods) {
  test(`chaos judges a HEAD (${head}) that arrives as ${sent.join(", ")}: ${expected === undefined ? "kept" : "broken"}`, () => {
    const ledger = createLedger();
    ledger.begin({ ...PLAN, method: "HEAD", head });
    for (const method of sent) ledger.arrived(PLAN.id, { ...AGAIN, method });
    const found = ledger.violations.map(({ what }) => what).join();
    if (expected === undefined) assert.equal(found, "");
    else assert.match(found, expected);
  });
}

test("chaos reports connections and resources that are left over", () => {
  const before = { holdings: { files: { socket: 2 } }, page: "" };
  const after = {
    holdings: { files: { socket: 3 } },
    page: 'headgate_tunnels 1\nheadgate_upstream_connections{upstream="a",state="idle"} 2\nnodejs_active_resources_total 4\n',
  };
  assert.deepEqual(findLeftovers(before, after), [
    "headgate_upstream_connections is 2",
    "headgate_tunnels is 1",
    "3 open of socket, 2 at the start",
    "nodejs_active_resources_total is 4, 0 at the start",
  ]);
  assert.deepEqual(findLeftovers(before, before), []);
});
