import assert from "node:assert/strict";
import test from "node:test";
import { parseSearchList, toCandidates } from "../../src/upstream/resolv-conf.ts";

const LISTS: readonly (readonly [string, readonly string[], number])[] = [
  ["", [], 1],
  ["search a.test b.test.\n", ["a.test", "b.test"], 1],
  ["domain a.test b.test\n", ["a.test"], 1],
  ["domain a.test\nsearch b.test c.test\n", ["b.test", "c.test"], 1],
  ["search b.test\ndomain a.test\r\n", ["a.test"], 1],
  ["#search a.test\n;search b.test\n search c.test\nsearching d.test\n", [], 1],
  ["search a.test\noptions timeout:1 ndots:5 rotate\noptions edns0\n", ["a.test"], 5],
  ["options ndots:0", [], 0],
  ["options ndots:99", [], 15],
  ["options ndots:x ndots:", [], 1],
  ["search .\n", [""], 1],
];

for (const [text, domains, ndots] of LISTS) {
  test(`resolv.conf ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseSearchList(text), { domains, ndots });
  });
}

const CANDIDATES: readonly (readonly [string, number, readonly string[]])[] = [
  ["db", 1, ["db.a.test", "db.b.test", "db"]],
  ["db.ns", 1, ["db.ns", "db.ns.a.test", "db.ns.b.test"]],
  ["db.ns", 5, ["db.ns.a.test", "db.ns.b.test", "db.ns"]],
  ["db.", 5, ["db"]],
  ["db", 0, ["db", "db.a.test", "db.b.test"]],
];

for (const [name, ndots, names] of CANDIDATES) {
  test(`${name} with ndots:${ndots} is tried as ${names.join(", ")}`, () => {
    const candidates = toCandidates(name, { domains: ["a.test", "", "b.test"], ndots });
    assert.deepEqual(
      candidates.map((candidate) => candidate.name),
      names,
    );
    assert.deepEqual(
      candidates.filter(({ isSearched }) => !isSearched).map((candidate) => candidate.name),
      [name.replace(/\.$/, "")],
    );
  });
}
