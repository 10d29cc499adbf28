// Which test files share a process. A process of its own costs up to half a second of CPU for each file: Node starts, the sources are
// loaded, and V8 compiles them anew.

/** Files in these folders share processes. In the other folders each file mostly starts programs, and has its own process. */
const SHARING = [
  "behaviour",
  "cli",
  "config",
  "contract",
  "head",
  "http",
  "ops",
  "property",
  "server",
  "upstream",
];

/**
 * Files with a process of their own, because they wait or work for long, or measure or change their process. The slowest are first, and
 * begin first, those that wait beside those that work: a slow one that began last would keep the run waiting.
 */
export const ALONE = [
  "behaviour/slow-but-steady",
  "deploy/image",
  "behaviour/upstream-leaves",
  "behaviour/status-page-look",
  "behaviour/response-broken-off",
  "simulation/mutations",
  "behaviour/upgrade-endings",
  "behaviour/log-unwritable",
  "deploy/chart-refusals",
  "behaviour/refused-messages",
  "behaviour/status-page-state",
  "behaviour/timeouts",
  "cli/inject/manifests",
  "chaos/planted",
  "behaviour/upgrade-failures",
  "behaviour/status-page",
  "cli/command-line",
  "behaviour/response-liberties",
  "behaviour/reload-settings",
  "behaviour/reload-load",
  "behaviour/process-stop",
  "behaviour/doctor",
  "behaviour/secrets",
  "behaviour/moving-streams",
  "behaviour/process-start",
  "behaviour/content-memory",
  "behaviour/content-not-mixed",
  "behaviour/file-descriptors",
  "behaviour/listen-mode",
  "behaviour/pipelining",
  "behaviour/reload-file",
  "behaviour/reload-long",
  "behaviour/reload-unreadable",
  "behaviour/small-pieces",
  "behaviour/stand-still",
  "behaviour/upgrade-switched",
  "behaviour/upstream-names",
  "behaviour/upstream-retries",
  "behaviour/websocket-messages",
  "cli/serve",
  "config/file-limits",
  "config/masked",
  "config/watch",
  "contract/readme",
  "http/pieces",
  "ops/logger",
  "property/config",
  "property/damaged-files",
  "property/json-schema",
  "property/secrets",
  "upstream/resolver",
].map((name) => `test/${name}.test.ts`);

/** So many files share a process: with more, one process would be the last for long. */
const MAX_SHARING = 10;

/** Divides test files (paths relative to the root) into those of each process, in the order in which the processes start. */
export function toProcesses(files) {
  const folderOf = (file) => file.split(/[/\\]/)[1];
  const first = ALONE.filter((file) => files.includes(file));
  const rest = files.filter((file) => !first.includes(file));
  const own = rest.filter((file) => !SHARING.includes(folderOf(file)));
  const shared = SHARING.flatMap((folder) =>
    inParts(rest.filter((file) => folderOf(file) === folder)),
  );
  return [...[...first, ...own].map((file) => [file]), ...shared];
}

// Parts of equal size.
function inParts(files) {
  const count = Math.ceil(files.length / MAX_SHARING);
  return Array.from({ length: count }, (_, part) =>
    files.slice(
      Math.round((part * files.length) / count),
      Math.round(((part + 1) * files.length) / count),
    ),
  );
}
