/** The layer contract: the path is the layer. It reads import lines only, which keeps it short. */

/** The folders from which each folder of src may import values. Files at the top of src and in cli/ may import from all. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  http: ["http"],
  runtime: ["runtime"],
  head: ["http", "head"],
  config: ["http", "runtime", "config"],
  server: ["http", "runtime", "server"],
  upstream: ["http", "runtime", "upstream"],
  proxy: ["http", "runtime", "head", "config", "server", "upstream", "proxy"],
  ops: ["http", "ops"],
};

/** Layers that may not import types of other layers either, so that a reader of the RFCs' rules needs no other folder. */
const CLOSED = new Set(["http", "runtime"]);

/** Folders that are one door: their files share the package's types, and may not export them. */
const FOLDER_DOORS = ["config/schema/", "config/yaml/"];

/** Builtins without I/O. Any other builtin has a door. */
const PURE_BUILTINS = new Set(
  ["assert", "async_hooks", "buffer", "crypto", "diagnostics_channel", "events", "module", "path"]
    .concat(["perf_hooks", "querystring", "stream", "stream/promises", "string_decoder"])
    .concat(["timers", "timers/promises", "url", "util"])
    .map((name) => `node:${name}`),
);

/** Pure functions of I/O builtins: a file that imports only these is not a door. */
const PURE_NAMES: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["BlockList", "SocketAddress", "isIP", "isIPv4", "isIPv6"],
  "node:tls": ["createSecureContext"],
  "node:http": ["STATUS_CODES", "validateHeaderName", "validateHeaderValue"],
};

/**
 * Names of another side of a builtin, which has its own door: listening is separate from connecting, and writing the log to an open
 * descriptor is separate from the files that the configuration names.
 */
const OTHER_SIDE: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["createServer"],
  "node:tls": ["createServer"],
  "node:fs": ["write"],
};

interface Import {
  /** The module specifier. */
  readonly from: string;
  /** The text between the braces; empty for any other form. */
  readonly names: readonly string[];
}

/** Finds all violations in `files` (path below src → source text), one sentence each; empty if the contract holds. */
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
    // An empty container at module level is filled later, so it is mutable.
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
  const imports = CLOSED.has(layerOf(path)) ? allImports(text) : valueImports(text);
  return imports.flatMap(({ from }) => {
    if (!from.startsWith(".")) return [];
    const target = resolveImport(path, from);
    if (target === undefined || !files.has(target))
      return [`${path} imports ${from}, which is no file of src`];
    const isFree = allowed === undefined ? isTopLayer(path) : allowed.includes(layerOf(target));
    return isFree ? [] : [`${path} may not import ${target}`];
  });
}

/** One door per dependency: only one file, or the files of one folder, may import it. */
function doorViolations(files: ReadonlyMap<string, string>): readonly string[] {
  const doors = new Map<string, Set<string>>();
  for (const [path, text] of files) {
    for (const one of valueImports(text)) {
      if (one.from.startsWith(".") || isPure(one)) continue;
      const isOther = one.names.some((name) => OTHER_SIDE[one.from]?.includes(name) === true);
      const name = packageOf(one.from) + (isOther ? " (its other side)" : "");
      doors.set(name, (doors.get(name) ?? new Set()).add(toDoor(path)));
    }
  }
  return [...doors]
    .filter(([, paths]) => paths.size > 1)
    .map(([name, paths]) => `${name} has more than one door: ${[...paths].toSorted().join(", ")}`);
}

function toDoor(path: string): string {
  return FOLDER_DOORS.find((folder) => path.startsWith(folder)) ?? path;
}

/** Cycles of types count too: they show that a type is in the wrong file. */
function cycleViolations(files: ReadonlyMap<string, string>): readonly string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const { from } of allImports(files.get(path) ?? "")) {
      const target = from.startsWith(".") ? resolveImport(path, from) : undefined;
      if (target !== undefined) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
}

function allImports(text: string): readonly Import[] {
  return valueImports(text.replaceAll(/^import\s+type\b/gm, "import"));
}

/** Without `import type`, which the build removes. */
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

// A folder without a rule may not import from other folders.
function isTopLayer(path: string): boolean {
  return ["", "cli"].includes(layerOf(path));
}

/** Undefined if the path is outside src. */
function resolveImport(path: string, from: string): string | undefined {
  const url = new URL(from, `file:///root/src/${path}`).pathname;
  return url.startsWith("/root/src/") ? url.slice("/root/src/".length) : undefined;
}

// Not a parser: it also removes the rest of a line after a // in a string, but no import line has such a string.
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/(?<!:)\/\/.*$/gm, "");
}
