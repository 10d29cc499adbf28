import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { startPeer, type Bench } from "./bench.ts";
import type { Peer } from "./peers.ts";
import { runLoad } from "./tools.ts";

const SHOWN = 35;

/** Long enough that start-up and compilation have little weight. */
const PROFILE_SECONDS = 6;

/** The used part of a .cpuprofile file: times are microseconds, a sample names the node on top of the stack. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Runs a Node peer under load with V8's profiler. Returns where it spent its time, for GET and HEAD, each in a new process. */
export async function profilePeer(bench: Bench, peer: Peer): Promise<string> {
  const parts: string[] = [];
  for (const method of ["GET", "HEAD"] as const) {
    const folder = join(bench.folder, `profile-${peer.name}-${method}`);
    mkdirSync(folder);
    const { child, port } = await startPeer(bench, peer, {
      nodeFlags: ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=500"],
    });
    const { done } = await runLoad(bench.tools, port, {
      method,
      path: "/small",
      connections: 32,
      seconds: PROFILE_SECONDS,
    });
    await child.stop(30_000);
    const [file] = readdirSync(folder);
    if (file === undefined)
      throw new Error(`${peer.name} wrote no profile: it did not end by itself after SIGTERM`);
    const profile = JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile;
    parts.push(
      `${peer.name}, ${method} /small, ${done} requests: self time\n${describe(profile, done)}`,
    );
  }
  return parts.join("\n");
}

function describe(profile: CpuProfile, requests: number): string {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfUs = new Map<string, number>();
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? "?";
    selfUs.set(name, (selfUs.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0));
  });
  selfUs.delete("(idle)");
  const busyUs = [...selfUs.values()].reduce((total, us) => total + us, 0);
  const top = [...selfUs].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN);
  const lines = top.map(([name, us]) => {
    const share = `${((us / busyUs) * 100).toFixed(1)} %`.padStart(7);
    return `${share} ${(us / requests).toFixed(2).padStart(7)} µs/request  ${name}`;
  });
  return `${lines.join("\n")}\n`;
}

// "(program)" is native code below JavaScript: system calls, libuv, the HTTP parser.
function nameOf({
  functionName,
  url,
  lineNumber,
}: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  const file = url.startsWith("node:") ? url : (url.split("/node_modules/").at(-1) ?? url);
  return `${name}  ${url.startsWith("file:") && !url.includes("/node_modules/") ? basename(file) : file}:${lineNumber + 1}`;
}
