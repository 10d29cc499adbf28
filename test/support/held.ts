/** An origin that responds only when the test orders it, and clients that wait for the responses. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { untilInFlight } from "./in-flight.ts";
import { type Arrival, type Origin, startOrigin } from "./origin.ts";
import { toRequest } from "./request.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";
import { type Wire, openWire } from "./wire.ts";

/** headgate in front of an origin that does not respond by itself. */
export interface Held {
  readonly origin: Origin;
  readonly sidecar: Sidecar;
  /** Sends a HEAD on its own connection. */
  head(lines?: readonly string[], start?: string): Promise<Wire>;
  /** Resolves when that many requests are in progress in headgate. */
  inFlight(count: number): Promise<void>;
}

/** Starts headgate; `head` is the value of `head:`. */
export async function startHeld(t: TestContext, head: string): Promise<Held> {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: `head: ${head}` });
  return {
    origin,
    sidecar,
    async head(lines = [], start = "HEAD /x") {
      const wire = await openWire(t, sidecar.port);
      wire.write(toRequest(start, lines));
      return wire;
    },
    inFlight: (count) => untilInFlight(sidecar.adminPort, count),
  };
}

/** Responds to a held request. */
export function release(request: Arrival | undefined, lines: readonly string[], body = ""): void {
  assert.ok(request !== undefined);
  request.write(["HTTP/1.1 200 OK", ...lines, "", body].join("\r\n"));
}
