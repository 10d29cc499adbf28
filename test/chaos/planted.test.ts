/** The checker of `npm run chaos` can fail: it sees what faulty proxies do wrong, and reports nothing about a sound one. */

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { createCalm } from "../../tools/chaos/calm.ts";
import { startClients } from "../../tools/chaos/client.ts";
import { startUpstreams, stopUpstreams } from "../../tools/chaos/disturb.ts";
import { createLedger } from "../../tools/chaos/ledger.ts";
import { type Plant, type PlantedVersion, startPlanted } from "../../tools/chaos/planted.ts";
import { createRandom } from "../../tools/shared/random.ts";
import { makeFolder } from "../../tools/shared/folder.ts";

// Over TCP, Node takes a reset that comes together with data for an end, and these proxies believe it.
const ROADS = { unix: 1 };

const FOLDER = makeFolder("chaos");

/** Longer than each fault needs. */
const MAX_MS = 60_000;
/** Longer than the proxies wait for a response. */
const ENDLESS_MS = 3_000;

const BOTH = ["http1", "http2"] as const;
const HTTP2 = ["http2"] as const;

const SEES: readonly (readonly [Exclude<Plant, "none">, readonly PlantedVersion[], RegExp])[] = [
  ["mixes answers", BOTH, /^the client got the answer of c\d+-\d+$/],
  [
    "completes what broke off",
    BOTH,
    /^the client got a complete answer of which only \d+ bytes came$/,
  ],
  ["sends twice", BOTH, /^a POST was sent twice$/],
  ["forgets the length of a HEAD", BOTH, /^the client got Content-Length none for HEAD, where/],
  [
    "goes on for a client that left",
    BOTH,
    /^the request went on upstream after its client had left$/,
  ],
  [
    "ends a stream before it resets it",
    HTTP2,
    /^the client got END_STREAM, and then RST_STREAM with 2$/,
  ],
  ["refuses a stream that it has sent", HTTP2, /^a refused request reached the upstream$/],
  ["ends a connection because of one stream", HTTP2, /^a connection ended without a cause/],
];

for (const [plant, versions, pattern] of SEES) {
  for (const version of versions) {
    test(`chaos catches a proxy that ${plant} (${version})`, async () => {
      const found = await violationsOf(plant, version, (what) => pattern.test(what));
      assert.ok(
        found.some((what) => pattern.test(what)),
        found.join("\n"),
      );
    });
  }
}

for (const version of BOTH) {
  test(`chaos finds none of these faults in a sound proxy (${version})`, async () => {
    const found = await violationsOf("none", version, () => false);
    for (const [, , pattern] of SEES)
      assert.deepEqual(
        found.filter((what) => pattern.test(what)),
        [],
      );
  });
}

/** Collects findings until one meets the condition, or from a sound proxy until that many requests were sent. */
async function violationsOf(
  plant: Plant,
  version: PlantedVersion,
  isEnough: (what: string) => boolean,
): Promise<readonly string[]> {
  const ledger = createLedger();
  const calm = createCalm();
  const random = createRandom(1);
  const folder = mkdtempSync(join(FOLDER, "planted-"));
  const around = { ledger, calm, random, endlessMs: ENDLESS_MS };
  const upstreams = await startUpstreams(folder, around);
  const proxy = await startPlanted(plant, version, upstreams);
  const endMs = performance.now() + MAX_MS;
  const isOver = (): boolean =>
    plant === "none"
      ? ledger.begun() > 400
      : performance.now() > endMs || ledger.violations.some(({ what }) => isEnough(what));
  const ports = { [version]: proxy.port };
  const isStopping = (): boolean => false;
  await Promise.all(
    startClients(
      { clients: 10, seed: 1 },
      { ledger, calm, ports, isOver, isStopping, roads: ROADS },
    ),
  );
  proxy.stop();
  await stopUpstreams(upstreams);
  calm.stop();
  return ledger.violations.map(({ what }) => what);
}
