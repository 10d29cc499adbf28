// Which test files share a process. A process of its own costs up to half a second of CPU for each file: Node starts, the sources are
// loaded, and V8 compiles them anew.

/** The folders whose files share processes, in the order in which these start. A file of another folder has a process of its own. */
const SHARING = [
  "chaos",
  "fuzz",
  "simulation",
  "e2e",
  "behaviour",
  "deploy",
  "cli",
  "config",
  "contract",
  "head",
  "http",
  "ops",
  "property",
  "runtime",
  "server",
  "support",
  "upstream",
  "bench",
];

/**
 * Files with a process of their own, because they wait or work for long, or measure or change their process; and files that share a browser.
 * The slowest are first, and begin first, those that wait beside those that work: a slow one that began last would keep the run waiting.
 */
export const FIRST = [
  ["deploy/image"],
  ["e2e/inject"],
  ["behaviour/slow-but-steady"],
  ["behaviour/status-page-look", "behaviour/status-page-state", "behaviour/status-page"],
  ["simulation/mutations"],
  ["behaviour/upstream-leaves"],
  ["e2e/http2", "e2e/tls"],
  ["behaviour/response-broken-off"],
  ["behaviour/upgrade-endings"],
  ["behaviour/log-unwritable"],
  ["deploy/chart-refusals"],
  ["behaviour/refused-messages"],
  ["behaviour/timeouts"],
  ["cli/inject/manifests"],
  ["chaos/planted"],
  ["behaviour/upgrade-failures"],
  ["deploy/chart"],
  ["fuzz/fuzz"],
  ["property/json-schema"],
  ["cli/command-line"],
  ["behaviour/response-liberties"],
  ["behaviour/reload-load"],
  ["behaviour/moving-streams"],
  ["behaviour/content-memory"],
  ["behaviour/content-not-mixed"],
  ["behaviour/file-descriptors"],
  ["behaviour/listen-mode"],
  ["behaviour/pipelining"],
  ["behaviour/reload-long"],
  ["behaviour/small-pieces"],
  ["behaviour/stand-still"],
  ["behaviour/upgrade-switched"],
  ["config/file-limits"],
  ["http/pieces"],
  ["upstream/resolver"],
].map((names) => names.map((name) => `test/${name}.test.ts`));

/** So many files share a process: with more, one process would be the last for long. */
const MAX_SHARING = 10;

/** Divides test files (paths relative to the root) into those of each process, in the order in which the processes start. */
export function toProcesses(files) {
  const folderOf = (file) => file.split(/[/\\]/)[1];
  const first = FIRST.map((group) => group.filter((file) => files.includes(file))).filter(
    (group) => group.length > 0,
  );
  const rest = files.filter((file) => !first.flat().includes(file));
  const own = rest.filter((file) => !SHARING.includes(folderOf(file)));
  const shared = SHARING.flatMap((folder) =>
    inParts(rest.filter((file) => folderOf(file) === folder)),
  );
  return [...first, ...own.map((file) => [file]), ...shared];
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
