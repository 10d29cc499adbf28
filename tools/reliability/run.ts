// npm run reliability: crowds, slow clients, reloads and restarts, measured. See docs/internals/reliability.md.
import { createChildren } from "../shared/children.ts";
import { makeFolder } from "../shared/folder.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import { measureFiles } from "./files.ts";
import { measureBehindHaproxy } from "./haproxy.ts";
import { measureIdle } from "./idle.ts";
import { type Part, type ReliabilityOptions, type Scale, USAGE, parseOptions } from "./options.ts";
import { measureReloads, measureRolling } from "./reload.ts";
import { type Row, toTable } from "./row.ts";
import { measureSlow } from "./slow.ts";
import { BACKEND, type Subject, type Surroundings, startSubject } from "./subject.ts";
import { measureUpstreams } from "./upstreams.ts";

/** Parts that also run on a peer; the other parts start and stop headgate in ways that peers do not have. */
const COMMON: readonly Part[] = ["idle", "slow", "reload"];

const options = parseOptions(process.argv.slice(2));
if (options === undefined) console.log(USAGE);
else process.exitCode = await run(options);
process.exit();

async function run({ parts, subjects, scale }: ReliabilityOptions): Promise<number> {
  const around = await setUp();
  const rows: Row[] = [];
  // Prints rows as they arrive, because a run takes many minutes.
  const add = (more: readonly Row[]): void => {
    for (const { subject, what, figure } of more) console.error(`  ${subject}: ${what}: ${figure}`);
    rows.push(...more);
  };
  for (const part of COMMON.filter((one) => parts.includes(one))) {
    for (const name of subjects) add(await measureCommon(part, name, { around, scale }));
  }
  if (parts.includes("rolling")) {
    add(await measureRolling(around, scale.restarts));
    add(await measureBehindHaproxy(around, scale.cycles));
  }
  if (parts.includes("files")) add(await measureFiles(around));
  if (parts.includes("upstreams")) add(await measureUpstreams(around, scale.restarts));
  const broken = rows.filter(({ isMet }) => isMet === false).length;
  console.log(toTable(rows));
  console.log(`${rows.length - broken} passed, ${broken} failed`);
  return broken === 0 ? 0 : 1;
}

async function measureCommon(
  part: Part,
  name: string,
  { around, scale }: { readonly around: Surroundings; readonly scale: Scale },
): Promise<readonly Row[]> {
  const subject = await startSubject(name, around);
  const measure: Partial<Record<Part, () => Promise<readonly Row[]>>> = {
    idle: () => measureIdle(subject, scale.idleConnections),
    slow: () => measureSlow(subject, scale),
    reload: () => measureReloads(subject, scale.reloads),
  };
  const rows = await measure[part]?.();
  await end(subject);
  return rows ?? [];
}

async function setUp(): Promise<Surroundings> {
  const folder = makeFolder("reliability");
  const children = createChildren(folder);
  const backendPort = await findFreePort();
  const backend = children.start("backend", [process.execPath, BACKEND, String(backendPort)]);
  await waitAccepting(backend, backendPort);
  return { folder, children, backendPort };
}

async function end({ name, child }: Subject): Promise<void> {
  if (child.hasExited())
    throw new Error(`${name} ended by itself\n${child.output().slice(-2_000)}`);
  await child.stop(5_000);
}
