/** A recorder behind proxies, and the cases that run through them. Each case has its own client address, which identifies its requests. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Peer } from "../../test/support/peer.ts";
import { createRandom } from "../shared/random.ts";
import type { Reading } from "./responses.ts";
import { MARK } from "./response-grammar.ts";
import { type Case, type RequestCase, type ResponseCase, type TlsCase, bytesOf } from "./case.ts";
import { exchange } from "./client.ts";
import { mayArriveLate, runFrames, runResponseFrames } from "./http2/run.ts";
import { judgeResponse, readScript } from "./judge-response.ts";
import { judgeRequests } from "./judge-request.ts";
import { judgeTls, sendToTls } from "./judge-tls.ts";
import { findLeftovers } from "./leftovers.ts";
import { type Arrival, type Owner, type Ports, startRecorder } from "./recorder.ts";
import { readMeaning } from "./requests.ts";
import { valuesOf } from "./strict.ts";
import {
  AFTER_SCRIPTED_PATH,
  LAST_REQUEST,
  SCRIPTED_PATH,
  type Verdict,
  quote,
} from "./verdict.ts";
import type { WirePlan, WireTls } from "./wire.ts";

/** A proxy under test. It must append the client's address to X-Forwarded-For. */
export interface Target {
  readonly port: number;
  /** Returns the PROXY protocol header with which it expects a client's connection to begin; undefined: it expects none. */
  readonly toHeader?: ((address: string) => string) | undefined;
  /** Whether its clients come with TLS. */
  readonly isSecure?: boolean;
  /** Whether its clients may use HTTP/2. */
  readonly http2?: boolean;
  /** Whether they may use nothing else. */
  readonly isOnlyHttp2?: boolean;
  /** The latest session of TLS with it. */
  readonly sessions?: WireTls["sessions"];
  /** How it reads responses. */
  readonly reading: Reading;
  /** Why the proxy is unfit, if it is: it ended or logged an error. */
  complaint(): string | undefined;
  /** The process, if it has its own. */
  readonly pid?: number;
  stop(): Promise<void>;
}

/** Starts a proxy in front of the recorder's ports. */
export type Start = (ports: Ports) => Promise<Target>;

/** A recorder with its proxies. */
export interface Rig {
  /** Runs a case through a proxy: the one whose turn it is, or the next one. */
  run(one: Case, turn?: number): Promise<Verdict>;
  /** The number of turns that take a case. */
  turnsFor(one: Case): number;
  /** Failures that were found after their case was judged, and failures that belong to no case. */
  late(): readonly (readonly [one: Case | undefined, failure: string])[];
  complaint(): string | undefined;
  /** Resolves, when all clients have left, with what is left of them. */
  leftovers(): Promise<string | undefined>;
  stop(): Promise<void>;
}

// If a case gets no response and no end in this time, it fails, or the proxy reads strictly and refuses late.
const PATIENCE_SECONDS = 15;
/** The same for what is left over when all clients have left, for each of those seconds. */
const LEFTOVERS_MS = 3_000;

interface Judged extends Owner {
  readonly one: Case | undefined;
  /** How many requests may arrive late: those that do not need the content that was broken off, or whose connection ends. */
  readonly mayBeLate?: "one" | "any" | undefined;
}

/** Starts a recorder, and proxies in front of it, which take turns in that order; a proxy that is listed twice has two turns. */
export async function startRig(
  starts: readonly Start[],
  timeoutSeconds = PATIENCE_SECONDS,
): Promise<Rig> {
  const owners = new Map<string, Judged>();
  const strays: Judged = { one: undefined, arrivals: [], violations: [] };
  const recorder = await startRecorder((address) => owners.get(address) ?? strays);
  const started = new Map([...new Set(starts)].map((start) => [start, start(recorder)]));
  const turns = await Promise.all(starts.map((start) => started.get(start) as Promise<Target>));
  const targets = [...new Set(turns)];
  const secure = turns.filter(({ isSecure }) => isSecure);
  const modern = turns.filter(({ http2 }) => http2);
  const turnsFor = ({ kind }: Case): readonly Target[] =>
    kind === "tls" ? secure : kind === "http2" ? modern : turns;
  let number = 0;

  return {
    async run(one, turn = createRandom(number).below(turnsFor(one).length)) {
      number += 1;
      const address = toAddress(number);
      const owner: Owner =
        one.kind === "answer" ? toScripted(one, number) : { arrivals: [], violations: [] };
      owners.set(address, { ...owner, one });
      const target = turnsFor(one)[turn];
      if (target === undefined) throw new Error(`no proxy takes a case of kind ${one.kind}`);
      const place = toPlace(one, target, { address, number, owner, timeoutSeconds });
      const verdict = await runCase(one, place);
      // Requests that arrive from here on are late.
      owners.set(address, { one, arrivals: [], violations: [], mayBeLate: toLate(one) });
      const [violation] = owner.violations;
      const failure = violation ?? verdict.failure ?? checkScheme(owner.arrivals, target.isSecure);
      return { ...verdict, failure };
    },
    late() {
      return [...owners.values(), strays].flatMap(({ one, arrivals, violations, mayBeLate }) =>
        [
          ...violations,
          ...arrivals
            .slice(mayBeLate === undefined ? 0 : mayBeLate === "one" ? 1 : Infinity)
            .map(({ raw }) => `arrived on its own: ${quote(raw)}`),
        ].map((failure) => [one, failure] as const),
      );
    },
    turnsFor: (one) => turnsFor(one).length,
    complaint: () => targets.map(({ complaint }) => complaint()).find((one) => one !== undefined),
    leftovers: () =>
      findLeftovers(targets, () => recorder.countExchanges(), timeoutSeconds * LEFTOVERS_MS),
    async stop() {
      await Promise.all(targets.map((target) => target.stop()));
      recorder.close();
    },
  };
}

function toLate(one: Case): Judged["mayBeLate"] {
  if (one.kind === "http2") return mayArriveLate(one) ? "any" : undefined;
  const isEarly =
    one.kind === "request" && readMeaning(bytesOf(one) + LAST_REQUEST).early !== undefined;
  return isEarly ? "one" : undefined;
}

/** How the client of a case connects to a proxy. */
function toPlace(
  one: Case,
  { port, reading, toHeader, isSecure, http2 = false, isOnlyHttp2, sessions = {} }: Target,
  known: Pick<Place, "address" | "number" | "owner" | "timeoutSeconds">,
): Place {
  const header = toHeader?.(known.address);
  const random = createRandom(hash(bytesOf(one)));
  const mayBeHttp2 = one.kind === "answer" && http2 && (isOnlyHttp2 === true || random.oneIn(2));
  const isHttp2 = one.kind === "http2" || mayBeHttp2;
  const protocol = isHttp2 ? "h2" : "http/1.1";
  const tls = isSecure === true ? ({ protocol, random, sessions } as const) : undefined;
  return { ...known, port, header, reading, isHttp2, tls };
}

function runCase(one: Case, place: Place): Promise<Verdict> {
  switch (one.kind) {
    case "answer":
      return runResponse(one, place);
    case "request":
      return runRequests(one, place);
    case "tls":
      return runTls(one, place);
    case "http2":
      return runFrames(one, place.owner.arrivals, place);
  }
}

/** The proxy must tell the upstream whether the client came with TLS. No client is trusted to tell it. */
function checkScheme(arrivals: readonly Arrival[], isSecure = false): string | undefined {
  const scheme = isSecure ? "https" : "http";
  const wrong = arrivals.find(
    ({ fields }) => valuesOf(fields, "x-forwarded-proto").join() !== scheme,
  );
  return wrong === undefined ? undefined : `it arrived without the scheme: ${quote(wrong.raw)}`;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

interface Place extends WirePlan {
  readonly owner: Owner;
  readonly number: number;
  readonly reading: Reading;
  /** Whether the client uses HTTP/2. */
  readonly isHttp2: boolean;
  readonly timeoutSeconds: number;
}

async function runRequests(one: RequestCase, { owner, ...place }: Place): Promise<Verdict> {
  const meaning = readMeaning(bytesOf(one) + LAST_REQUEST);
  const endings = { complete: "client closes", incomplete: "client breaks off" } as const;
  const received = await exchange({
    ...place,
    parts: [...one.parts.slice(0, -1), `${one.parts.at(-1)}${LAST_REQUEST}`],
    methods: meaning.requests.map(({ method }) => method),
    closing: endings[meaning.rest as keyof typeof endings] ?? "proxy closes",
  });
  return judgeRequests(meaning, owner.arrivals, received);
}

async function runResponse(
  one: ResponseCase,
  { owner, number, reading, isHttp2, ...place }: Place,
): Promise<Verdict> {
  const script = toMarked(bytesOf(one), number);
  if (isHttp2) return runResponseFrames(toEnded(one), { script, reading }, owner.arrivals, place);
  const received = await exchange({
    ...place,
    parts: [toGet(one.method, SCRIPTED_PATH) + toGet("GET", AFTER_SCRIPTED_PATH)],
    methods: [one.method, "GET"],
    closing: "client closes",
  });
  return judgeResponse(toEnded(one), { script, reading }, owner.arrivals, received);
}

async function runTls(one: TlsCase, { owner, timeoutSeconds, ...plan }: Place): Promise<Verdict> {
  return judgeTls(one, owner.arrivals, await sendToTls(one, plan, timeoutSeconds));
}

function toGet(method: string, path: string): string {
  return `${method} ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
}

/** A response that is incomplete or malformed needs the connection's end: a client that expects the rest would wait forever. */
function toEnded(one: ResponseCase): ResponseCase {
  const { isClean } = readScript(bytesOf(one), { method: "GET", close: "open" });
  return one.after === "keep" && !isClean ? { ...one, after: "end" } : one;
}

function toScripted(one: ResponseCase, number: number): Owner {
  const { after } = toEnded(one);
  const parts = toMarkedParts(one, number);
  return {
    arrivals: [],
    violations: [],
    respond(arrival, peer, done, asUsual) {
      if (arrival.target === SCRIPTED_PATH) void play(peer, parts, after, done);
      else asUsual();
    },
  };
}

async function play(
  { socket, reset }: Peer,
  parts: readonly string[],
  after: ResponseCase["after"],
  done: () => void,
): Promise<void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) for (let turns = 0; turns < 2; turns += 1) await nextTurn();
    if (socket.destroyed) return;
    socket.write(part, "latin1");
  }
  if (after === "end") socket.end();
  if (after === "reset") reset();
  done();
}

function toMarked(bytes: string, number: number): string {
  return bytes.replaceAll(MARK, String(number).padStart(MARK.length, "0"));
}

/** Marks and numbers have the same length, so that cuts keep their offsets, also cuts inside a mark. */
function toMarkedParts(one: ResponseCase, number: number): string[] {
  const marked = toMarked(bytesOf(one), number);
  let at = 0;
  return one.parts.map(({ length }) => marked.slice(at, (at += length)));
}

/** All of 127.0.0.0/8 is this machine. */
function toAddress(number: number): string {
  return `127.${1 + ((number >> 16) % 250)}.${(number >> 8) & 255}.${number & 255}`;
}
