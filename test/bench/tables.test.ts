import assert from "node:assert/strict";
import test from "node:test";
import type { TlsFigures } from "../../tools/bench/over-tls/measure.ts";
import { toTlsTables } from "../../tools/bench/over-tls/tables.ts";

const load = (cpuUs: number) => ({ cpuUs, perSecond: 1000, coreShare: 1, connections: 0 });

test("a ratio is the median of the ratios of the rounds, and what was not measured has no row and no table", () => {
  const headgate: TlsFigures = {
    name: "headgate",
    get: load(10),
    getHttp2: load(30),
    rounds: [10, 20, 10].map((cpuUs) => ({ get: load(cpuUs), getHttp2: load(30) })),
  };
  const peer: TlsFigures = {
    name: "peer",
    get: load(30),
    rounds: [30, 40, 30].map((cpuUs) => ({ get: load(cpuUs) })),
  };
  const rows = toTlsTables([headgate, peer])
    .split("\n")
    .filter((line) => /^(###|\| (headgate|peer))/.test(line))
    .map((line) => line.split(" | ").slice(0, 2).join(" ").replace(/\s+/g, " ").trim());
  assert.deepEqual(rows, [
    "### GET over TLS with HTTP/1.1, 15 bytes, 32 connections",
    "| headgate 10.0",
    "| peer 30.0 (3.00×)",
    "### GET over TLS with HTTP/2, 15 bytes, 4 connections with 8 streams each",
    "| headgate 30.0",
  ]);
});
