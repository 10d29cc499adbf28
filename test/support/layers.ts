/** The layer contract: the path is the layer. Reads import lines only, so that it stays a page long. */

/** What each folder of src may import values from. Files at the top of src and in cli/ may import all of it. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  http: ["http"],
  head: ["http", "head"],
  // Two routes conflict where the router could not tell them apart: that notion is the router's, and stands in http/.
  config: ["config", "http"],
  // No sibling in net/: a leaf that calls its sibling hides a step of the story that proxy.ts tells.
  net: ["http", "head", "runtime"],
  proxy: ["http", "head", "net", "upstream", "config", "runtime", "proxy"],
  upstream: ["http", "runtime", "upstream"],
  runtime: ["runtime"],
  ops: ["http", "ops"],
};

/** Builtins without I/O. Any other one has a door. */
const PURE_BUILTINS = new Set(
  ["assert", "async_hooks", "buffer", "crypto", "diagnostics_channel", "events", "module", "path"]
    .concat(["perf_hooks", "querystring", "stream", "stream/promises", "string_decoder"])
    .concat(["timers", "timers/promises", "url", "util"])
    .map((name) => `node:${name}`),
);

/** Pure names that live in an I/O builtin: importing only these opens no door. */
const PURE_NAMES: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["BlockList", "SocketAddress", "isIP", "isIPv4", "isIPv6"],
  "node:tls": ["createSecureContext"],
  "node:http": ["STATUS_CODES", "validateHeaderName", "validateHeaderValue"],
};

/**
 * Names that are another side of their builtin, with a door of its own: listening has nothing to do with connecting, and writing the
 * log to an open descriptor nothing with the files that the configuration names.
 */
const OTHER_SIDE: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["createServer"],
  "node:fs": ["write"],
};

interface Import {
  /** The specifier as written. */
  readonly from: string;
  /** What stands between the braces; empty for any other form. */
  readonly names: readonly string[];
}

/** Every violation in `files` (path below src → source text), one sentence each; empty when the contract holds. */
export function findViolations(files: ReadonlyMap<string, string>): readonly string[] {
  const sources = new Map([...files].map(([path, text]) => [path, withoutComments(text)]));
  return [
    ...[...sources].flatMap(([path, text]) => [
      ...fileViolations(path, text),
      ...layerViolations(path, text, sources),
    ]),
    ...doorViolations(sources),
    ...cycleViolations(sources),
  ];
}

function fileViolations(path: string, text: string): readonly string[] {
  const rules: readonly (readonly [RegExp, string])[] = [
    [/^export\s+default\b|\bas\s+default\b/m, "has a default export"],
    [/^export\s+(?:type\s+)?(?:\*|\{[^}]*\})[^;]*?\bfrom\b/m, "re-exports another file"],
    [/^(?:export\s+)?(?:let|var)\b/m, "has a module-level let"],
    // An empty container that nobody fills is of no use.
    [
      /^(?:export\s+)?const\b[^=\n]*=\s*(?:new\s+\w+(?:<[^\n]*>)?\(\)|\[\]|\{\});?$/m,
      "has a mutable module-level value",
    ],
    [/^await\b|^(?:export\s+)?const\b[^=\n]*=\s*await\b/m, "awaits at module level"],
  ];
  const found = rules
    .filter(([pattern]) => pattern.test(text))
    .map(([, what]) => `${path} ${what}`);
  const touchesProcess =
    /(?<![\w.$"'`/-])process\s*(?:\??\.|\[)/.test(text) || /"(?:node:)?process"/.test(text);
  return path !== "main.ts" && touchesProcess ? [...found, `${path} touches process`] : found;
}

function layerViolations(
  path: string,
  text: string,
  files: ReadonlyMap<string, string>,
): readonly string[] {
  const allowed = LAYERS[layerOf(path)];
  return valueImports(text).flatMap(({ from }) => {
    if (!from.startsWith(".")) return [];
    const target = resolveImport(path, from);
    if (target === undefined || !files.has(target))
      return [`${path} imports ${from}, which is no file of src`];
    const isFree =
      allowed === undefined
        ? isTopLayer(path)
        : allowed.includes(layerOf(target)) || isOwnPart(path, target);
    return isFree ? [] : [`${path} may not import ${target}`];
  });
}

/** One door per dependency: only one file imports it. */
function doorViolations(files: ReadonlyMap<string, string>): readonly string[] {
  const doors = new Map<string, Set<string>>();
  for (const [path, text] of files) {
    for (const one of valueImports(text)) {
      if (one.from.startsWith(".") || isPure(one)) continue;
      const isOther = one.names.some((name) => OTHER_SIDE[one.from]?.includes(name) === true);
      const name = packageOf(one.from) + (isOther ? " (its other side)" : "");
      doors.set(name, (doors.get(name) ?? new Set()).add(path));
    }
  }
  return [...doors]
    .filter(([, paths]) => paths.size > 1)
    .map(([name, paths]) => `${name} has more than one door: ${[...paths].toSorted().join(", ")}`);
}

function cycleViolations(files: ReadonlyMap<string, string>): readonly string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const { from } of valueImports(files.get(path) ?? "")) {
      const target = from.startsWith(".") ? resolveImport(path, from) : undefined;
      if (target !== undefined) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
}

/** `import type` is left out: it is gone after the build. */
function valueImports(text: string): readonly Import[] {
  const statements = text.matchAll(
    /^import\s+(?!type\b)(?:([^;"']*?)\s*from\s*)?["']([^"']+)["']/gm,
  );
  const dynamic = text.matchAll(/\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g);
  return [
    ...[...statements].map(([, clause = "", from = ""]) => ({ from, names: namesIn(clause) })),
    ...[...dynamic].map(([, from = ""]) => ({ from, names: [] })),
  ];
}

function namesIn(clause: string): readonly string[] {
  const braces = /^\{(.*)\}$/s.exec(clause.trim());
  return (braces?.[1] ?? "")
    .split(",")
    .map((name) => name.trim().replace(/\s+as\s.*/s, ""))
    .filter((name) => name !== "" && !name.startsWith("type "));
}

function isPure({ from, names }: Import): boolean {
  if (PURE_BUILTINS.has(from)) return true;
  const pure = PURE_NAMES[from] ?? [];
  return names.length > 0 && names.every((name) => pure.includes(name));
}

/** `node:fs/promises` is the same door as `node:fs`, `undici/lib/x.js` the same as `undici`. */
function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function layerOf(path: string): string {
  return path.includes("/") ? (path.split("/")[0] ?? "") : "";
}

// One leaf in several files: `net/server.ts` owns the folder `net/server/`, which nobody else looks into. Its parts may use one
// another and know nothing of the other leaves.
function isOwnPart(path: string, target: string): boolean {
  const [layer = "", name = ""] = path.split("/");
  return target.startsWith(`${layer}/${name.replace(/\.ts$/, "")}/`);
}

// A folder nobody wrote a rule for may import nothing, until someone has thought about it.
function isTopLayer(path: string): boolean {
  return ["", "cli"].includes(layerOf(path));
}

/** Undefined when the path leaves src. */
function resolveImport(path: string, from: string): string | undefined {
  const url = new URL(from, `file:///root/src/${path}`).pathname;
  return url.startsWith("/root/src/") ? url.slice("/root/src/".length) : undefined;
}

// Not a parser: a // inside a string takes the rest of its line with it, which no import line has.
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/(?<!:)\/\/.*$/gm, "");
}
