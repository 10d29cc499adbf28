import assert from "node:assert/strict";
import test from "node:test";

import { type Lead, type Place, type ShareLimits, createSharing } from "../../src/head/share.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { readAnswerFields } from "../../src/http/headers.ts";
import { toFields } from "../support/fields.ts";

const WIDE: ShareLimits = {
  targets: 100,
  variants: 100,
  bytes: 100_000,
  answerBytes: 1_000,
  waiting: 100,
};

function createAsked(limits: Partial<ShareLimits>) {
  const clock = { nowMs: 0 };
  const cancelled: ProxyError[] = [];
  const sharing = createSharing(() => clock.nowMs, { ...WIDE, ...limits });
  const join = (path: string, key = ""): Place =>
    sharing.join({
      host: "a",
      path,
      fields: [],
      identity: key,
      shareMs: 1_000,
      cancel: (error) => void cancelled.push(error),
    });
  return { clock, cancelled, sharing, join };
}

function toLead(place: Place): Lead {
  return place.kind === "asks" ? place.lead : assert.fail(place.kind);
}

function answer(lead: Lead, lines: readonly string[] = []): void {
  lead.answered(200, "OK", readAnswerFields(toFields(lines)));
  lead.ended();
}

/** Answers what asks; says which of them are told without asking, the last one first. */
function findTold(join: (path: string, key?: string) => Place, all: readonly string[]): string[] {
  const split = (one: string) => one.split(" ") as [string, string?];
  for (const one of all) answer(toLead(join(...split(one))));
  return all.toReversed().filter((one) => {
    const place = join(...split(one));
    if (place.kind === "asks") place.lead.ended();
    return place.kind === "told";
  });
}

test("the targets that were asked for longest ago are forgotten first", () => {
  const { join } = createAsked({ targets: 2 });
  assert.deepEqual(findTold(join, ["/a", "/b", "/c"]), ["/c", "/b"]);
});

test("targets of which there is nothing to keep count as well", () => {
  const { join } = createAsked({ targets: 2 });
  answer(toLead(join("/a")));
  for (const path of ["/b", "/c"]) toLead(join(path)).failed(new ProxyError("dns_error"));
  assert.equal(join("/a").kind, "asks");
});

test("of one target so many variants are kept, and others are not crowded out", () => {
  const { join } = createAsked({ variants: 2 });
  assert.deepEqual(findTold(join, ["/a 1", "/b 1", "/b 2", "/b 3"]), ["/b 3", "/b 2", "/a 1"]);
});

test("all that is kept has a limit in bytes, and so has one answer", () => {
  // A target of 100 bytes, twice: as its key and as the place of its answer's variant.
  const long = (name: string) => `/${name}${"x".repeat(98)}`;
  const { join } = createAsked({ bytes: 250 });
  assert.deepEqual(findTold(join, [long("a"), long("b"), long("c")]), [long("c"), long("b")]);

  const small = createAsked({ answerBytes: 20 });
  answer(toLead(small.join("/a")), [`X-A: ${"x".repeat(20)}`]);
  assert.equal(small.join("/a").kind, "asks");
});

test("what is forgotten is no longer counted", () => {
  const { join, sharing } = createAsked({ bytes: 20 });
  for (let round = 0; round < 100; round += 1) {
    answer(toLead(join("/a")));
    assert.equal(join("/a").kind, "told");
    sharing.forget({ host: "a", path: "/a" });
  }
});

test("beyond so many who wait each asks for itself, until there is room again", async () => {
  const { join } = createAsked({ waiting: 2 });
  const leads = [toLead(join("/a")), toLead(join("/b"))];
  const places = ["/a", "/b", "/a"].map((path) => join(path));
  assert.deepEqual(
    places.map(({ kind }) => kind),
    ["waits", "waits", "alone"],
  );
  const [first, second] = places;
  const gone = new ProxyError("client_gone");
  if (first?.kind === "waits") {
    first.seat.leave(gone);
    await assert.rejects(first.seat.answer, gone);
  }
  assert.deepEqual([join("/b").kind, join("/b").kind], ["waits", "alone"]);
  const [, b] = leads;
  if (b !== undefined) answer(b);
  assert.equal(second?.kind === "waits" && (await second.seat.answer)?.status, 200);
  assert.deepEqual(
    [join("/a").kind, join("/a").kind, join("/a").kind],
    ["waits", "waits", "alone"],
  );
});

test("an answer is told until its time is over, and never beyond its own freshness", () => {
  const { join, clock } = createAsked({});
  const cases: readonly (readonly [path: string, lines: readonly string[], lastMs: number])[] = [
    ["/a", [], 1_499],
    ["/b", ["Cache-Control: max-age=1"], 999], // from when it was asked for
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
    answer(lead, lines);
    clock.nowMs = lastMs;
    assert.equal(join(path).kind, "told", path);
    clock.nowMs += 1;
    assert.equal(join(path).kind, "asks", path);
  }
});

test("Age counts the whole seconds since an answer was asked for", () => {
  const { join, clock } = createAsked({});
  const lead = toLead(join("/a"));
  clock.nowMs = 1_500;
  answer(lead, ["Age: 3"]);
  const ages = [1_500, 1_999, 2_000, 2_499].map((nowMs) => {
    clock.nowMs = nowMs;
    const place = join("/a");
    return place.kind === "told" ? place.answer.toFields("1.1", nowMs).join(": ") : place.kind;
  });
  const chunked = "Transfer-Encoding: chunked";
  assert.deepEqual(
    ages,
    ["4", "4", "5", "5"].map((age) => `Age: ${age}: ${chunked}`),
  );
});

test("a request goes on as long as one is there, whoever leaves first, and then is cancelled once", async () => {
  const gone = new ProxyError("client_gone");
  for (const order of [
    ["leader", "other"],
    ["other", "leader"],
  ]) {
    const { join, cancelled } = createAsked({});
    const lead = toLead(join("/a"));
    const place = join("/a");
    if (place.kind !== "waits") assert.fail(place.kind);
    const settled = assert.rejects(place.seat.answer, gone);
    for (const one of order) {
      assert.deepEqual(cancelled, []);
      if (one === "leader") lead.leave(gone);
      else place.seat.leave(gone);
    }
    await settled;
    place.seat.leave(gone);
    assert.deepEqual(cancelled, [gone]);
    assert.equal(join("/a").kind, "asks", "nobody joins what was given up");
  }
});
