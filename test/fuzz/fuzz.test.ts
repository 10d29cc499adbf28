import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { type Case, bytesOf, fromReplay, toReplay } from "../../tools/fuzz/case.ts";
import { makeCase } from "../../tools/fuzz/families.ts";
import { fuzz, toTable } from "../../tools/fuzz/fuzz.ts";
import { toStarts } from "../../tools/fuzz/headgate.ts";
import { type Http2Flaw, startNaiveHttp2 } from "../../tools/fuzz/http2/naive.ts";
import { findLeftovers } from "../../tools/fuzz/leftovers.ts";
import { type Flaw, startNaive } from "../../tools/fuzz/naive.ts";
import { explainFailure, runAlone } from "../../tools/fuzz/replay.ts";
import { type Start, startRig } from "../../tools/fuzz/rig.ts";

test("500 fuzzed cases: the upstream gets what headgate accepted and nothing else, and each client gets its own response", async (t) => {
  const seed = 1 + (Math.floor(Date.now() / 86_400_000) % 10_000); // a different seed each day
  t.diagnostic(`seed ${seed}`);
  const starts = toStarts((line) => t.diagnostic(line));
  const rig = await startRig(starts);
  const { passed, counts, failures } = await fuzz(rig, seed, 500);
  await rig.stop();
  for (const failure of failures.slice(0, 1))
    assert.fail(`seed ${seed}: ${failure.failure}\n${await explainFailure(failure, starts)}`);
  assert.equal(passed, 500, toTable(counts));
  // A proxy that refused everything would break no other rule.
  for (const family of ["mutated", "answer: mutated"]) {
    const count = counts.get(family) ?? assert.fail(`no case of ${family}`);
    assert.ok(count.accepted > 0 && count.refused > 0, toTable(counts));
  }
  assert.ok((counts.get("answer: liberties")?.accepted ?? 0) > 0, toTable(counts));
});

/** Proxies with a planted flaw, a family of cases that shows it, and what the fuzzer reports. */
const PLANTED: readonly (readonly [flaw: Flaw, family: string, says: RegExp])[] = [
  ["unframed content", "method with content", /^(not a request|arrived on its own)/],
  ["copied framing", "CL.TE", /^not a request/],
  ["mixed answers", "valid", /^an answer of another request/],
  ["false ends", "answer: cut short", /^the upstream's answer is incomplete, and yet came through/],
];
for (const [flaw, family, says] of PLANTED)
  test(`the fuzzer finds a proxy with ${flaw}`, async () => {
    await assertFound(({ port }) => startNaive(flaw, port), family, says);
  });

/** The same for clients that come with TLS. */
const PLANTED_IN_TLS: typeof PLANTED = [
  ["false ends", "answer: cut short", /^the upstream's answer is incomplete, and yet came through/],
  ["mixed answers", "valid", /^an answer of another request/],
  ["no TLS", "TLS: HTTP in place of the handshake", /^arrived without TLS/],
  ["a false scheme", "valid", /^it arrived without the scheme/],
];
for (const [flaw, family, says] of PLANTED_IN_TLS)
  test(`the fuzzer finds a proxy with TLS and ${flaw}`, async () => {
    await assertFound(({ port }) => startNaive(flaw, port, true), family, says);
  });

/** The same for clients that use HTTP/2. */
const PLANTED_IN_HTTP2: readonly (readonly [flaw: Http2Flaw, family: string, says: RegExp])[] = [
  [
    "copied fields",
    "h2: malformed values",
    /^(not a request|a malformed request arrived|a request arrived that no stream)/,
  ],
  ["copied fields", "h2: fields of a connection", /^(a malformed request arrived|not a request)/],
  ["a false length", "h2: a Content-Length that lies", /^a malformed request arrived/],
  ["mixed answers", "h2: sound, many", /^an answer of another request/],
  ["false ends", "answer: cut short", /^the upstream's answer is incomplete, and yet came through/],
  ["content after a HEAD", "h2: HEAD in every mode", /^content after a HEAD/],
  ["lenient frames", "h2 frames: odd ones", /^a connection error, and yet the connection goes on/],
  ["no PING", "h2 frames: floods", /^not the responses to the PINGs/],
  ["fields of HTTP/1.1", "h2: sound", /^the proxy breaks HTTP\/2: the field/],
  ["kept connections", "h2: sound", /^the proxy never closes the connection/],
  ["one fault ends all", "h2 frames: odd ones", /^another connection is not served meanwhile/],
];
for (const [flaw, family, says] of PLANTED_IN_HTTP2)
  test(`the fuzzer finds a proxy of HTTP/2 with ${flaw}, by ${family}`, async () => {
    await assertFound(({ port }) => startNaiveHttp2(flaw, port), family, says);
  });

test("the fuzzer finds connections that a proxy keeps, exchanges that it does not end, and too much memory", async () => {
  const one = casesOf("h2: sound")[0] ?? assert.fail();
  const kept = await startRig([({ port }) => startNaiveHttp2("kept connections", port)], 0.3);
  await kept.run(one);
  assert.match((await kept.leftovers()) ?? "", /^left over: [1-9]\d* connections of clients/);
  await kept.stop();
  let isOpen = true;
  const patienceMs = 100;
  assert.match(
    (await findLeftovers([], () => Number(isOpen), patienceMs)) ?? "",
    /left over: 0 connections of clients, 1 exchanges/,
  );
  isOpen = false;
  assert.equal(await findLeftovers([], () => Number(isOpen), patienceMs), undefined);
  const script = "const kept = Buffer.alloc(800 * 1024 * 1024, 1); console.log(kept.length);";
  const heavy = spawn(process.execPath, ["-e", `${script} setInterval(() => kept, 1000);`]);
  await once(heavy.stdout, "data");
  const looked = [{ port: 1, pid: heavy.pid ?? 0 }];
  assert.match((await findLeftovers(looked, () => 0, patienceMs)) ?? "", /MB of memory/);
  heavy.kill("SIGKILL");
});

async function assertFound(start: Start, family: string, says: RegExp): Promise<void> {
  const rig = await startRig([start], 1);
  const failures: string[] = [];
  for (const one of casesOf(family)) {
    failures.push((await rig.run(one)).failure ?? "");
    if (failures.some((failure) => says.test(failure))) break;
  }
  failures.push(...rig.late().map(([, failure]) => failure));
  await rig.stop();
  assert.ok(
    failures.some((failure) => says.test(failure)),
    failures.join("\n"),
  );
}

test("a failure is shrunk, and the printed command replays it", async () => {
  const starts: readonly Start[] = [({ port }) => startNaive("false ends", port)];
  const one = casesOf("answer: cut short").find(
    (cut) => cut.kind === "answer" && cut.method === "GET" && /\r\n\r\n./.test(bytesOf(cut)),
  );
  assert.ok(one !== undefined);
  const printed = await explainFailure({ one, failure: "", suspects: [] }, starts, 1);
  const [, word = ""] = /--replay (\S+)/.exec(printed) ?? [];
  const small = fromReplay(word);
  assert.ok(bytesOf(small).length < bytesOf(one).length, printed);
  assert.notEqual(await runAlone(small, starts, 1), undefined);
});

test("a failure over HTTP/2 is shrunk by its frames, shown with them, and replayed", async () => {
  const starts: readonly Start[] = [({ port }) => startNaiveHttp2("content after a HEAD", port)];
  const one = casesOf("h2: HEAD in every mode")[0] ?? assert.fail();
  const printed = await explainFailure({ one, failure: "", suspects: [] }, starts, 1);
  assert.match(printed, /\n    preface\n    settings flags=0 stream=0 /);
  const [, word = ""] = /--replay (\S+)/.exec(printed) ?? [];
  const small = fromReplay(word);
  assert.ok(bytesOf(small).length < bytesOf(one).length, printed);
  assert.notEqual(await runAlone(small, starts, 1), undefined);
});

test("every family is among the first 500 cases, and a case is always made the same", () => {
  assert.deepEqual(makeCase(7, 123), makeCase(7, 123));
  assert.notDeepEqual(makeCase(7, 123), makeCase(8, 123));
  const families = new Set(Array.from({ length: 500 }, (_, index) => makeCase(1, index).family));
  assert.equal(families.size, 94);
  for (let index = 0; index < 500; index += 1) {
    const one = makeCase(3, index);
    assert.deepEqual(fromReplay(toReplay(one)), one);
  }
});

function casesOf(family: string): readonly Case[] {
  return Array.from({ length: 4_000 }, (_, index) => makeCase(1, index)).filter(
    (one) => one.family === family,
  );
}
