/** The checker of `npm run chaos` can fail: it sees what faulty proxies do wrong, and reports nothing about a sound one. */

import assert from "node:assert/strict";
import test from "node:test";
import { createCalm } from "../../tools/chaos/calm.ts";
import { startClients } from "../../tools/chaos/client.ts";
import { startUpstreams, stopUpstreams } from "../../tools/chaos/disturb.ts";
import { createLedger } from "../../tools/chaos/ledger.ts";
import { type Plant, startPlanted } from "../../tools/chaos/planted.ts";
import { createRandom } from "../../tools/shared/random.ts";
import { makeFolder } from "../../tools/shared/folder.ts";

// Over TCP, Node takes a reset that comes together with data for an end, and these proxies believe it.
const ROADS = { unix: 1 };

const SEES: Readonly<Record<Exclude<Plant, "none">, RegExp>> = {
  "mixes answers": /^the client got the answer of c\d+-\d+$/,
  "completes what broke off": /^the client got a complete answer of which only \d+ bytes came$/,
  "sends twice": /^a POST was sent twice$/,
};

for (const [plant, pattern] of Object.entries(SEES)) {
  test(`chaos catches a proxy that ${plant}`, async () => {
    const found = await violationsOf(plant as Plant, (what) => pattern.test(what));
    assert.ok(
      found.some((what) => pattern.test(what)),
      found.join("\n"),
    );
  });
}

test("chaos finds none of these faults in a sound proxy", async () => {
  const found = await violationsOf("none", () => false);
  for (const pattern of Object.values(SEES))
    assert.deepEqual(
      found.filter((what) => pattern.test(what)),
      [],
    );
});

/** Collects findings until one meets the condition, or until that many requests were sent. */
async function violationsOf(
  plant: Plant,
  isEnough: (what: string) => boolean,
): Promise<readonly string[]> {
  const ledger = createLedger();
  const calm = createCalm();
  const random = createRandom(1);
  const upstreams = await startUpstreams(makeFolder("chaos"), { ledger, calm, random });
  const proxy = await startPlanted(plant, upstreams);
  const isOver = (): boolean =>
    ledger.begun() > 400 || ledger.violations.some(({ what }) => isEnough(what));
  await Promise.all(
    startClients(
      { clients: 10, seed: 1 },
      { ledger, calm, ports: { http1: proxy.port }, isOver, isStopping: () => false, roads: ROADS },
    ),
  );
  proxy.stop();
  await stopUpstreams(upstreams);
  calm.stop();
  return ledger.violations.map(({ what }) => what);
}
