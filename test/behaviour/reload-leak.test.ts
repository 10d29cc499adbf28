/**
 * A reload leaves no memory behind.
 *
 * Symptom: headgate's live memory grew with each reload, by 5 KB for each upstream that the reload did not change. Root cause: a new pool
 * was created for every upstream before headgate looked for the one that it already had; the new one was then dropped, but stayed in the
 * list of the pools that a shutdown ends. It had never been closed, so it was never removed from the list. Fix: a pool is created only
 * for an upstream that has none.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { BASE, startBinary } from "../support/binary.ts";
import { INSPECTED, measureLiveMemory, toInspectorUrl } from "../support/live-memory.ts";
import { makeDirectory } from "../support/route-file.ts";

const UPSTREAMS = 50;
const WARM_RELOADS = 20;
const RELOADS = 100;
/** The pools that were kept took 27 MB. */
const MAX_GROWTH_BYTES = 2 * 1024 ** 2;

const upstreams = Array.from(
  { length: UPSTREAMS },
  (_, index) => `  u${index}: { url: "http://127.0.0.1:${9_000 + index}" }\n`,
);

test("reloads that change no upstream do not add to the memory in use", async (t) => {
  const directory = await makeDirectory(t, {
    "routes.yaml": `${BASE}upstream: "http://127.0.0.1:9"\nupstreams:\n${upstreams.join("")}`,
  });
  const headgate = await startBinary(t, {
    args: ["run", "--config", "routes.yaml"],
    cwd: directory,
    env: { NODE_OPTIONS: INSPECTED },
  });
  const inspectorUrl = toInspectorUrl(headgate.stderr());
  assert.ok(inspectorUrl !== undefined, headgate.stderr());
  const reload = async (count: number): Promise<number> => {
    for (let done = 0; done < count; done += 1) {
      const { status } = await fetch(`http://127.0.0.1:${headgate.adminPort}/reload`, {
        method: "POST",
      });
      assert.equal(status, 200);
    }
    return (await measureLiveMemory(inspectorUrl)).objects;
  };
  const warm = await reload(WARM_RELOADS);
  const growth = (await reload(RELOADS)) - warm;
  t.diagnostic(`${growth} bytes`);
  assert.ok(growth < MAX_GROWTH_BYTES, `grew by ${growth} bytes`);
});
