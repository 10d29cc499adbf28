import assert from "node:assert/strict";
import test from "node:test";

import type { Attempt } from "../../src/head/share/attempt.ts";
import type { Waiter } from "../../src/head/share/in-flight.ts";
import {
  type Leader,
  type ShareResult,
  type ShareLimits,
  createResponseSharing,
} from "../../src/head/share/share.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { readResponseFields } from "../../src/http/response-fields.ts";
import { toFields } from "../support/fields.ts";

const WIDE: ShareLimits = {
  targets: 100,
  variants: 100,
  bytes: 100_000,
  responseBytes: 1_000,
  waiting: 100,
};

/** What a HEAD may have beside its path; `agent` is an ignored field. */
interface Asked {
  readonly key?: string;
  readonly agent?: string;
  readonly address?: string;
  readonly attempt?: Attempt;
}

function createAsked(limits: Partial<ShareLimits>, random = () => 0) {
  const clock = { nowMs: 0 };
  const cancelled: ProxyError[] = [];
  const sharing = createResponseSharing(() => clock.nowMs, { ...WIDE, ...limits }, random);
  const join = (path: string, asked: Asked | string = {}): ShareResult => {
    const {
      key = "",
      agent = "",
      address,
      attempt,
    } = typeof asked === "string" ? { key: asked } : asked;
    return sharing.join({
      host: "a",
      path,
      fields: ["User-Agent", agent],
      address,
      key,
      shareMs: 1_000,
      responseTimeoutMs: 5_000,
      attempt,
      cancel: (error) => void cancelled.push(error),
    });
  };
  return { clock, cancelled, sharing, join };
}

function toLead(place: ShareResult): Leader {
  return place.kind === "lead" ? place.leader : assert.fail(place.kind);
}

function toSeat(place: ShareResult): Waiter {
  return place.kind === "wait" ? place.waiter : assert.fail(place.kind);
}

/** The attempt with which a waiter is to send its own request. */
async function toAttempt(seat: Waiter): Promise<Attempt> {
  const verdict = await seat.result;
  return verdict.kind === "again" ? verdict.attempt : assert.fail(verdict.kind);
}

function respond(lead: Leader, lines: readonly string[] = []): void {
  lead.onResponse(200, "OK", readResponseFields(toFields(lines)));
  lead.onEnd();
}

/** Gives each HEAD a response; returns those whose response is still stored, the last one first. */
function findTold(
  join: (path: string, key?: string) => ShareResult,
  all: readonly string[],
): string[] {
  const split = (one: string) => one.split(" ") as [string, string?];
  for (const one of all) respond(toLead(join(...split(one))));
  return all.toReversed().filter((one) => {
    const place = join(...split(one));
    if (place.kind === "lead") place.leader.onEnd();
    return place.kind === "hit";
  });
}

test("the targets that were requested longest ago are forgotten first", () => {
  const { join } = createAsked({ targets: 2 });
  assert.deepEqual(findTold(join, ["/a", "/b", "/c"]), ["/c", "/b"]);
});

test("targets without a cacheable response count as well", () => {
  const { join } = createAsked({ targets: 2 });
  respond(toLead(join("/a")));
  for (const path of ["/b", "/c"]) toLead(join(path)).onError(new ProxyError("dns_error"));
  assert.equal(join("/a").kind, "lead");
});

test("the variants of one target are bounded, and do not crowd out other targets", () => {
  const { join } = createAsked({ variants: 2 });
  assert.deepEqual(findTold(join, ["/a 1", "/b 1", "/b 2", "/b 3"]), ["/b 3", "/b 2", "/a 1"]);
});

test("the cache has a limit in bytes, and so has one response", () => {
  // A target of 100 bytes.
  const long = (name: string) => `/${name}${"x".repeat(98)}`;
  const { join } = createAsked({ bytes: 250 });
  assert.deepEqual(findTold(join, [long("a"), long("b"), long("c")]), [long("c"), long("b")]);

  const small = createAsked({ responseBytes: 20 });
  respond(toLead(small.join("/a")), [`X-A: ${"x".repeat(20)}`]);
  respond(toLead(small.join("/b", { key: "x".repeat(30) })));
  assert.equal(small.join("/a").kind, "lead");
  assert.equal(small.join("/b", { key: "x".repeat(30) }).kind, "lead");
});

test("an entry that is forgotten is no longer counted", () => {
  const { join, sharing } = createAsked({ bytes: 20 });
  for (let round = 0; round < 100; round += 1) {
    respond(toLead(join("/a")));
    assert.equal(join("/a").kind, "hit");
    sharing.invalidate({ host: "a", path: "/a" });
  }
});

test("beyond the limit of waiters each HEAD is sent on its own, until there is room again", async () => {
  const { join } = createAsked({ waiting: 2 });
  const leads = [toLead(join("/a")), toLead(join("/b"))];
  const places = ["/a", "/b", "/a"].map((path) => join(path));
  assert.deepEqual(
    places.map(({ kind }) => kind),
    ["wait", "wait", "bypass"],
  );
  const [first, second] = places;
  const gone = new ProxyError("client_gone");
  if (first?.kind === "wait") {
    first.waiter.leave(gone);
    await assert.rejects(first.waiter.result, gone);
  }
  assert.deepEqual([join("/b").kind, join("/b").kind], ["wait", "bypass"]);
  const [, b] = leads;
  if (b !== undefined) respond(b);
  const verdict = second?.kind === "wait" && (await second.waiter.result);
  assert.equal(verdict !== false && verdict?.kind, "response");
  assert.deepEqual([join("/a").kind, join("/a").kind, join("/a").kind], ["wait", "wait", "bypass"]);
});

test("a response is reused until its time is over, and never beyond its own freshness", () => {
  const { join, clock } = createAsked({});
  const cases: readonly (readonly [path: string, lines: readonly string[], lastMs: number])[] = [
    ["/a", [], 1_499],
    ["/b", ["Cache-Control: max-age=1"], 999], // from the time of its request
    ["/c", ["Cache-Control: max-age=60, max-age=1"], 999],
    ["/d", ["Cache-Control: max-age=9, s-maxage=2", "Age: 1"], 999],
    ["/e", ["Date: Sat, 28 Nov 2026 00:00:00 GMT", "Expires: Sat, 28 Nov 2026 00:00:01 GMT"], 999],
    ["/f", ["Cache-Control: max-age=60", "Expires: 0"], 1_499],
    ["/g", ['Cache-Control: a="no-store, max-age=0"'], 1_499],
  ];
  for (const [path, lines, lastMs] of cases) {
    clock.nowMs = 0;
    const lead = toLead(join(path));
    clock.nowMs = 500;
    respond(lead, lines);
    clock.nowMs = lastMs;
    assert.equal(join(path).kind, "hit", path);
    clock.nowMs += 1;
    assert.equal(join(path).kind, "lead", path);
  }
});

test("Age counts the full seconds since a response was requested", () => {
  const { join, clock } = createAsked({});
  const lead = toLead(join("/a"));
  clock.nowMs = 1_500;
  respond(lead, ["Age: 3"]);
  const ages = [1_500, 1_999, 2_000, 2_499].map((nowMs) => {
    clock.nowMs = nowMs;
    const place = join("/a");
    return place.kind === "hit" ? place.response.toFields(nowMs).join(": ") : place.kind;
  });
  assert.deepEqual(
    ages,
    ["4", "4", "5", "5"].map((age) => `Age: ${age}`),
  );
});

test("a request continues while it has a waiter, in any order of leaving, and then is cancelled once", async () => {
  const gone = new ProxyError("client_gone");
  for (const order of [
    ["leader", "other"],
    ["other", "leader"],
  ]) {
    const { join, cancelled } = createAsked({});
    const lead = toLead(join("/a"));
    const place = join("/a");
    if (place.kind !== "wait") assert.fail(place.kind);
    const settled = assert.rejects(place.waiter.result, gone);
    for (const one of order) {
      assert.deepEqual(cancelled, []);
      if (one === "leader") lead.leave(gone);
      else place.waiter.leave(gone);
    }
    await settled;
    place.waiter.leave(gone);
    assert.deepEqual(cancelled, [gone]);
    assert.equal(join("/a").kind, "lead", "nobody joins what was given up");
  }
});

test("after a response that could not be shared, its client and that client's equals are sent alone for ten seconds; others share", () => {
  const { join, clock } = createAsked({});
  const odd = { agent: "odd", address: "192.0.2.1" };
  respond(toLead(join("/a", odd)), ["Set-Cookie: a=b"]);
  const leader = toLead(join("/a", { agent: "b" }));
  clock.nowMs = 9_999;
  assert.equal(join("/a", odd).kind, "bypass");
  for (const other of [
    { agent: "odd", address: "192.0.2.2" }, // the upstream may have responded by the address
    { agent: "odd" },
    { agent: "other", address: "192.0.2.1" },
  ])
    assert.equal(join("/a", other).kind, "wait");
  assert.equal(join("/b", odd).kind, "lead");
  clock.nowMs = 10_000;
  assert.equal(join("/a", odd).kind, "wait");
  respond(leader);
  clock.nowMs = 10_100;
  assert.equal(join("/a", odd).kind, "hit");
});

test("an error is shared among equal requests; of the others one at random is sent again", async () => {
  let drawn = 0;
  const { join } = createAsked({}, () => drawn);
  for (const [random, expected] of [
    [0, "b"],
    [0.25, "c"],
    [0.5, "d"],
  ] as const) {
    drawn = random;
    const lead = toLead(join("/a", { agent: "a", address: "192.0.2.1" }));
    const seats = new Map(["b", "c", "d"].map((agent) => [agent, toSeat(join("/a", { agent }))]));
    const equal = toSeat(join("/a", { agent: "a", address: "192.0.2.1" }));
    const far = toSeat(join("/a", { agent: "a", address: "192.0.2.2" }));
    const order: string[] = [];
    const all = [...seats].map(async ([agent, seat]) => {
      assert.deepEqual(await toAttempt(seat), { errors: 1, unshared: 0, sinceMs: 0 });
      order.push(agent);
    });
    lead.onError(new ProxyError("connection_terminated"));
    await Promise.all(all);
    assert.equal(order[0], expected);
    assert.equal((await equal.result).kind, "error");
    assert.equal((await far.result).kind, "again");
  }
});

/** Every leader gets an error until a waiter is sent alone; returns how many errors that took. */
async function countErrors(
  clock: { nowMs: number },
  join: (path: string, asked: Asked) => ShareResult,
  tookMs: number,
) {
  const waits = { agent: "waits" };
  let attempt: Attempt | undefined;
  for (let errors = 1; ; errors += 1) {
    const lead = toLead(
      join("/a", attempt === undefined ? { agent: "0" } : { agent: `${errors}`, attempt }),
    );
    const place = join("/a", attempt === undefined ? waits : { ...waits, attempt });
    if (place.kind === "lead") return errors - 1;
    clock.nowMs += tookMs;
    lead.onError(new ProxyError("http_response_timeout"));
    attempt = await toAttempt(toSeat(place));
  }
}

test("after eight errors in a row each HEAD is sent alone, and after two if they took longer than one response may", async () => {
  for (const [tookMs, expected] of [
    [0, 8],
    [700, 8],
    [1_000, 5],
    [2_500, 2],
    [60_000, 2],
  ] as const) {
    const { clock, join } = createAsked({});
    assert.equal(await countErrors(clock, join, tookMs), expected, `${tookMs} ms`);
  }
});

test("an error before anything was sent is shared by all waiters", async () => {
  for (const code of [
    "dns_error",
    "dns_timeout",
    "connection_refused",
    "connection_timeout",
    "connection_limit_reached",
    "destination_ip_unroutable",
    "tls_certificate_error",
    "proxy_loop_detected",
  ] as const) {
    const { join } = createAsked({});
    const lead = toLead(join("/a", { agent: "a" }));
    const seat = toSeat(join("/a", { agent: "b" }));
    lead.onError(new ProxyError(code));
    assert.equal((await seat.result).kind, "error", code);
  }
});

test("waiters that are sent again share with others once more, then with their equals, then with none", async () => {
  const { join } = createAsked({});
  const first = toLead(join("/a", { agent: "a" }));
  const waits = toSeat(join("/a", { agent: "b" }));
  respond(first, ["Set-Cookie: a=b"]);
  const attempt = await toAttempt(waits);
  const second = toLead(join("/a", { agent: "b", attempt }));
  const again = toSeat(join("/a", { agent: "c", attempt }));
  respond(second, ["Set-Cookie: a=b"]);
  const last = await toAttempt(again);

  const other = toLead(join("/a", { agent: "d" }));
  const equals = toLead(join("/a", { agent: "c", attempt: last }));
  const equal = toSeat(join("/a", { agent: "c", attempt: last }));
  const late = toSeat(join("/a", { agent: "c" })); // a HEAD that never waited finds its equals too
  const apart = toLead(join("/a", { agent: "e", attempt: last }));
  respond(equals, ["Set-Cookie: a=b"]);
  for (const seat of [equal, late])
    assert.equal(join("/a", { agent: "c", attempt: await toAttempt(seat) }).kind, "bypass");
  respond(apart);
  assert.equal(join("/a", { agent: "c" }).kind, "hit", "what may be shared ends it");
  other.onEnd();
});

test("a response is found by its own Vary, independent of the last response's Vary", () => {
  const { join } = createAsked({});
  respond(toLead(join("/a", { agent: "a" })), ["Vary: Accept"]);
  respond(toLead(join("/a", { key: "i" })), ["Vary: User-Agent"]);
  respond(toLead(join("/a", { key: "j" })), ["Vary: *"]);
  assert.equal(join("/a", { agent: "b" }).kind, "hit");
  assert.equal(join("/a", { key: "i", agent: "b" }).kind, "lead");
});
