// Waiting for the upstream's 100 (Continue) counts towards responseTimeout; otherwise an upstream would get that time twice.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import test from "node:test";

import type { PendingRequest } from "../../src/upstream/call.ts";
import { toHead } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { PLAIN_GET, startPool } from "../support/upstream-pool.ts";

const RESPONSE_MS = 60_000;
/** Far more than one turn of a calm machine, and far less than the limit. */
const WAIT_MS = 50;

for (const says of ["100 Continue", "103 Early Hints"]) {
  const counts = says === "100 Continue";
  test(`time that passes until a ${says} ${counts ? "counts" : "does not count"} towards the response timeout`, async (t) => {
    const origin = await startOrigin(t, () => undefined);
    const pool = startPool(t, origin.url);

    const content = Object.assign(new Readable({ read: () => undefined }), { trailers: [] });
    let onInterim = (): void => undefined;
    const interim = new Promise<void>((resolve) => void (onInterim = resolve));
    const call = pool.send({
      ...PLAIN_GET,
      method: "POST",
      fields: ["Host", "a", "Expect", "100-continue"],
      framing: "chunked",
      content,
      expectsContinue: true,
      responseMs: RESPONSE_MS,
      idleMs: 0,
      onInterim,
    }) as PendingRequest;

    const arrival = await origin.arrival(0);
    const sentMs = call.sentMs() ?? assert.fail("it has arrived");
    assert.equal(call.deadlineMs, sentMs + RESPONSE_MS, "the upstream has the time from here on");
    while (performance.now() < sentMs + WAIT_MS);
    arrival.write(toHead(says, []));
    await interim;

    content.push("x");
    content.push(null);
    await once(content, "end");
    const { body } = await arrival.completed;
    assert.equal(body.toString(), "x");
    const leftMs = (call.deadlineMs ?? assert.fail()) - performance.now();
    if (counts) assert.ok(leftMs <= RESPONSE_MS - WAIT_MS, `${leftMs} ms are left`);
    else assert.ok(call.deadlineMs > sentMs + RESPONSE_MS + WAIT_MS, "all of it, from now on");

    arrival.write(toHead("200 OK", ["Content-Length: 0"]));
    assert.equal((await call.response).head.status, 200);
  });
}
