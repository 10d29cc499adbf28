// npm run bench: headgate and its peers, one after another in front of the same backend. See docs/internals/performance.md.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkResponses } from "./check-responses.ts";
import { setUpBench, startPeer, type Bench, type RunningPeer } from "./bench.ts";
import { createChildren } from "../shared/children.ts";
import { makeFolder } from "../shared/folder.ts";
import { type Figures, measurePeers } from "./measure.ts";
import { parseOptions, USAGE, type Options } from "./options.ts";
import { measureOverTls } from "./over-tls/measure.ts";
import { toConditions, toJson, toReport, writePage } from "./page.ts";
import { listPeers, type Peer } from "./peers.ts";
import { profilePeer } from "./profile.ts";

/** Progress goes to stderr, so that stdout has only the figures. */
const say = (line: string): void => console.error(line);

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else await run(options);
  process.exit();
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function run(options: Options): Promise<void> {
  if (process.platform !== "linux")
    throw new Error("The benchmark reads /proc: it runs on Linux only");
  buildHeadgate();
  const { present, leftOut } = listPeers(options.only);
  leftOut.forEach(say);
  const folder = makeFolder("bench");
  const children = createChildren(folder);
  const bench = await setUpBench(folder, children);
  if (options.task === "profile") await profile(bench, present, options);
  else await measure(bench, present, options);
}

/** Builds headgate, because a stale bundle would be measured unnoticed. */
function buildHeadgate(): void {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  if (scripts["build"] === undefined) return;
  const result = spawnSync("npm", ["run", "--silent", "build"], { cwd: root, encoding: "utf8" });
  if (result.status !== 0)
    throw new Error(`npm run build failed\n${result.stdout}${result.stderr}`);
}

async function measure(bench: Bench, peers: readonly Peer[], options: Options): Promise<void> {
  const plain = options.clients.includes("plain") ? await measurePlain(bench, peers, options) : [];
  const overTls = options.clients.includes("tls")
    ? await measureOverTls(bench, peers, { rounds: options.rounds, say })
    : [];
  const names = new Set([...plain, ...overTls].map(({ name }) => name));
  if (names.size === 0) throw new Error("there is nothing to measure");
  const figures = { plain, overTls };
  const measured = peers.filter(({ name }) => names.has(name));
  const conditions = toConditions(bench, measured, options);
  const report = toReport(figures, conditions);
  if (options.publish === "write") writePage(report);
  console.log(options.format === "json" ? toJson(figures, conditions) : report);
}

async function measurePlain(
  bench: Bench,
  peers: readonly Peer[],
  options: Options,
): Promise<Figures[]> {
  const running: RunningPeer[] = [];
  for (const peer of peers) {
    const one = await startChecked(bench, peer);
    if (one !== undefined) running.push(one);
  }
  if (options.publish === "write" && !running.some(({ peer }) => peer.name === "headgate")) {
    throw new Error("--write publishes headgate's figures, and headgate was left out");
  }
  say(`measuring ${running.map(({ peer }) => peer.name).join(", ")}`);
  return measurePeers(bench, running, options);
}

/** Starts a peer and checks it. A peer with wrong responses is reported and not measured. */
async function startChecked(bench: Bench, peer: Peer): Promise<RunningPeer | undefined> {
  try {
    const one = await startPeer(bench, peer);
    await checkResponses(peer, one.port);
    return one;
  } catch (error) {
    say(`${peer.name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function profile(bench: Bench, peers: readonly Peer[], options: Options): Promise<void> {
  const named = options.only ?? ["headgate"];
  const chosen = peers.filter(({ name, runtime }) => named.includes(name) && runtime === "node");
  if (chosen.length === 0)
    throw new Error("--profile needs a peer that runs on Node: headgate, http-proxy or floor");
  for (const peer of chosen) console.log(await profilePeer(bench, peer));
}
