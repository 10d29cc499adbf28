/** Draws random schedules; a seed always gives the same one. */

import { type Random, createRandom } from "../shared/random.ts";
import type {
  ClientPlan,
  ConnectPlan,
  RequestPlan,
  ResponsePlan,
  Schedule,
  Settings,
  Taking,
} from "./schedule.ts";

/** Draws the schedule of a seed. */
export function drawSchedule(seed: number): Schedule {
  const random = createRandom(seed);
  const settings = drawSettings(random);
  const clients = Array.from({ length: 1 + random.below(5) }, () => drawClient(random));
  const dials = Array.from({ length: 8 }, () => drawDial(random));
  return {
    order: random.below(2 ** 31),
    settings,
    clients,
    ...(dials.some((dial) => Object.keys(dial).length > 0) && { dials }),
    ...(random.chance(0.3) && {
      name: {
        addresses: 1 + random.below(3),
        ...(random.chance(0.5) && { lookupMs: random.below(70) }),
      },
    }),
    ...(random.chance(0.2) && {
      events: Array.from({ length: 1 + random.below(2) }, () => ({
        atMs: random.below(60),
        what: random.pick(["reload", "change", "stop"] as const),
      })),
    }),
  };
}

// oxlint-disable-next-line complexity -- one line for each setting
function drawSettings(random: Random): Partial<Settings> {
  const { chance, pick } = random;
  return {
    ...(chance(0.6) && { maxConnections: pick([1, 1, 2, 3]) }),
    ...(chance(0.2) && { waiting: pick([0, 1, 2]) }),
    ...(chance(0.4) && { responseMs: pick([5, 10, 20, 40]) }),
    ...(chance(0.4) && { idleMs: pick([0, 5, 10, 30]) }),
    ...(chance(0.2) && { connectMs: pick([5, 20]) }),
    ...(chance(0.4) && { keepAliveMs: pick([0, 2, 5, 20]) }),
    ...(chance(0.2) && { maxAgeMs: pick([3, 10, 30]) }),
    ...(chance(0.3) && { clientIdleMs: pick([0, 10, 20]) }),
    ...(chance(0.2) && { tunnelIdleMs: pick([0, 20, 50]) }),
    ...(chance(0.1) && { tunnels: pick([1, 2]) }),
    ...(chance(0.4) && { head: pick(["auto", "pass"] as const) }),
    ...(chance(0.2) && { range: "probe" as const }),
    ...(chance(0.2) && { contentLength: "measure" as const }),
    ...(chance(0.3) && { shareMs: pick([5, 50]) }),
    ...(chance(0.3) && { drainBytes: pick([0, 10, 100]) }),
    ...(chance(0.3) && { drainMs: pick([0, 3]) }),
  };
}

function drawClient(random: Random): ClientPlan {
  const { chance, below, pick } = random;
  return {
    ...(chance(0.6) && { atMs: below(25) }),
    requests: Array.from({ length: 1 + below(3) }, () => drawRequest(random)),
    ...(chance(0.2) && { pipelined: true }),
    ...(chance(0.1) && { version: "1.0" as const }),
    ...(chance(0.15) && { takes: drawTaking(random) }),
    ...(chance(0.2) && { readBytes: pick([1, 8, 50, 200]) }),
    ...(chance(0.2) && {
      leaves: { atMs: below(40), how: pick(["end", "close", "reset"] as const) },
    }),
    ...(chance(0.1) && { stays: true }),
  };
}

function drawTaking({ chance, below, pick }: Random): Taking {
  return {
    room: pick([1, 50, 1_000, 20_000]),
    bytes: pick([1_000, 5_000, 20_000]),
    everyMs: 1 + below(8),
    ...(chance(0.2) && { stopsAfter: below(30_000) }),
  };
}

function drawRequest(random: Random): RequestPlan {
  const { chance, below } = random;
  const kind = random.weighted({ GET: 8, HEAD: 5, OPTIONS: 1, DELETE: 1, content: 3, upgrade: 2 });
  const isMethod = kind === "HEAD" || kind === "OPTIONS" || kind === "DELETE";
  const responses = Array.from({ length: chance(0.3) ? 2 : 1 }, () => drawResponse(random));
  return {
    ...(isMethod && { method: kind }),
    ...(chance(0.4) && { gapMs: below(12) }),
    ...(kind === "HEAD" && chance(0.5) && { shared: below(2) }),
    ...(kind === "content" && { content: drawContent(random) }),
    ...(kind === "upgrade" && { upgrade: drawTunnel(random) }),
    ...(chance(0.05) && { login: true }),
    ...(responses.some((response) => Object.keys(response).length > 0) && { responses }),
  };
}

function drawContent({ chance, below, pick }: Random): NonNullable<RequestPlan["content"]> {
  return {
    bytes: pick([1, 30, 3_000, 80_000]),
    ...(chance(0.4) && { framing: "chunked" as const }),
    ...(chance(0.5) && { pieces: 1 + below(4), gapMs: below(8) }),
    ...(chance(0.2) && { expects: true }),
    ...(chance(0.1) && { stopsAfter: below(3) }),
  };
}

function drawTunnel({ chance, below, pick }: Random): NonNullable<RequestPlan["upgrade"]> {
  return {
    ...(chance(0.7) && { clientBytes: pick([5, 500, 30_000]) }),
    ...(chance(0.7) && { upstreamBytes: pick([5, 500, 30_000]) }),
    ...(chance(0.5) && { gapMs: below(6) }),
    ...(chance(0.6) && { ends: pick(["client", "upstream"] as const) }),
    ...(chance(0.2) && { how: "reset" as const }),
  };
}

function drawResponse(random: Random): ResponsePlan {
  const { chance, below, pick } = random;
  return {
    ...(chance(0.4) && { waitMs: pick([0, 1, 3, 8, 15, 30, 60]) }),
    ...(chance(0.1) && { early: true }),
    ...(chance(0.1) && { interims: 1 + below(2) }),
    ...(chance(0.2) && { status: pick([204, 304, 401, 404, 405, 503] as const) }),
    ...(chance(0.3) && { framing: pick(["chunked", "chunked", "close"] as const) }),
    ...(chance(0.4) && { bytes: pick([0, 1, 500, 20_000, 150_000]) }),
    ...(chance(0.3) && { pieces: 1 + below(4), gapMs: below(8) }),
    ...(chance(0.05) && { version: "1.0" as const }),
    ...(chance(0.1) && { says: pick(["close", "timeout"] as const) }),
    ...(chance(0.15) && {
      stops: {
        at: pick(["before", "before", "head", 0, 1, 2] as const),
        how: pick(["end", "close", "reset", "reset", "silent", "garbage"] as const),
      },
    }),
    ...(chance(0.3) && {
      after: {
        afterMs: below(6),
        what: pick(["end", "close", "close", "reset", "unasked", "unasked-end"] as const),
      },
    }),
    ...(chance(0.05) && { refuses: true }),
  };
}

function drawDial(random: Random): ConnectPlan {
  const { chance, below, pick } = random;
  return {
    ...(chance(0.08) && { result: pick(["refused", "never", "reset"] as const) }),
    ...(chance(0.2) && { afterMs: below(10) }),
    ...(chance(0.1) && { takes: drawTaking(random) }),
    ...(chance(0.2) && { readBytes: pick([1, 8, 50, 200]) }),
    ...(chance(0.02) && { unsolicited: true }),
  };
}
