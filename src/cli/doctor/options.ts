/** The arguments of `headgate doctor` and `headgate init`. */

import { parseDuration, parseSize } from "../../config/units.ts";
import { isHopByHop } from "../../http/fields.ts";
import { hideQuery } from "../../http/secrets.ts";
import { toField } from "../field-flag.ts";
import { type Arguments, UsageError } from "../flags.ts";
import type { ExchangeLimits } from "./raw-connection.ts";
import { toTarget } from "./parameters.ts";

/** The address of a backend, in the form of a route file's `upstream`. */
export interface BackendAddress {
  /** The argument, for messages. */
  readonly argument: "the URL" | "--through";
  readonly url: string;
  /** The path of the URL, if it has one. */
  readonly path: string | undefined;
}

/** The endpoints to try, and how to try them. */
export interface DoctorOptions {
  readonly backend: BackendAddress;
  readonly through: BackendAddress | undefined;
  /** Request-targets from the arguments. */
  readonly targets: readonly string[];
  readonly openapi: string | undefined;
  /** The prefix of each path of the document, without a trailing slash; undefined: the document decides. */
  readonly base: string | undefined;
  readonly params: ReadonlyMap<string, string>;
  /** Name, value, name, value, … */
  readonly fields: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly limit: number;
  readonly concurrency: number;
  readonly limits: ExchangeLimits;
  readonly sendsOptions: boolean;
  readonly isDryRun: boolean;
  readonly ca: string | undefined;
  readonly isInsecure: boolean;
}

/** The flags of both commands. */
export const DOCTOR_FLAGS = {
  values: ["openapi", "base", "timeout", "bytes", "limit", "concurrency", "ca"],
  switches: ["options", "insecure"],
  lists: [["header", "H"], ["param"], ["include"], ["exclude"]],
  maxPositionals: Infinity,
} as const;

const DEFAULT_TIMEOUT = "10s";
const DEFAULT_BYTES = "1MiB";
/** The default of `--limit`. */
export const DEFAULT_LIMIT = "200";
const DEFAULT_CONCURRENCY = "4";
const MAX_CONCURRENCY = 64;

/** Fields that the doctor writes itself. */
const OWN_FIELDS = new Set(["content-length", "expect", "range"]);

/** Reads the options. Throws a UsageError that names the error. */
export function toOptions(command: string, args: Arguments): DoctorOptions {
  const { values, switches, lists, positionals } = args;
  const [url, ...paths] = positionals;
  if (url === undefined)
    throw new UsageError(`${command} needs the URL of a backend, such as http://127.0.0.1:8000`);
  const backend = toAddress(url, "the URL");
  const through = values.get("through");
  return {
    backend,
    through: through === undefined ? undefined : toThrough(through),
    targets: [...(backend.path === undefined ? [] : [backend.path]), ...paths].map(toPath),
    openapi: values.get("openapi"),
    base: values.has("base") ? toPath(values.get("base") ?? "").replace(/\/+$/, "") : undefined,
    params: new Map((lists.get("param") ?? []).map(toParam)),
    fields: (lists.get("header") ?? []).flatMap(toOwnField),
    include: lists.get("include") ?? [],
    exclude: lists.get("exclude") ?? [],
    limit: toCount("limit", values.get("limit") ?? DEFAULT_LIMIT, 100_000),
    concurrency: toCount(
      "concurrency",
      values.get("concurrency") ?? DEFAULT_CONCURRENCY,
      MAX_CONCURRENCY,
    ),
    limits: {
      timeoutMs: toQuantity("timeout", parseDuration, values.get("timeout") ?? DEFAULT_TIMEOUT),
      maxBytes: toQuantity("bytes", parseSize, values.get("bytes") ?? DEFAULT_BYTES),
    },
    sendsOptions: switches.has("options"),
    isDryRun: switches.has("dry-run"),
    ca: values.get("ca"),
    isInsecure: switches.has("insecure"),
  };
}

/** Splits a URL into the upstream's URL and a path. Refuses credentials in the URL, and does not print them. */
function toAddress(text: string, argument: BackendAddress["argument"]): BackendAddress {
  if (text.startsWith("unix:")) return { argument, url: text, path: undefined };
  const [, origin, rest = ""] = /^(https?:\/\/[^/?#]+)(.*)$/i.exec(text) ?? [];
  if (origin === undefined) {
    const shown = toShown(text);
    throw new UsageError(
      /^[\w.-]+(:\d+)?(\/|$)/.test(text)
        ? `"${shown}" is not a URL; did you mean "http://${shown}"?`
        : `"${shown}" is not a URL such as http://127.0.0.1:8000, https://host or unix:/path`,
    );
  }
  if (origin.includes("@"))
    throw new UsageError("the URL holds a login: give it by -H 'Authorization: …'");
  return {
    argument,
    url: origin,
    path: /^\/?(#.*)?$/.test(rest) ? undefined : rest.replace(/^\?/, "/?"),
  };
}

/** An argument for a message; an empty one stays empty. */
function toShown(text: string): string {
  return text === "" ? "" : hideQuery(text);
}

function toThrough(text: string): BackendAddress {
  const backend = toAddress(text, "--through");
  if (backend.path !== undefined)
    throw new UsageError("--through is a URL without a path: both get the same paths");
  return backend;
}

function toPath(text: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    throw new UsageError(`"${toShown(text)}" is the path of a URL: give the path alone`);
  if (!text.startsWith("/"))
    throw new UsageError(`"${toShown(text)}" is not a path: it must begin with a slash`);
  return toTarget(text);
}

function toParam(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  // The error does not repeat the value, because it may be a credential.
  if (at < 1 || at === text.length - 1)
    throw new UsageError("--param is a name and a value, such as --param id=7");
  return [text.slice(0, at), text.slice(at + 1)];
}

function toOwnField(text: string, index: number): readonly [string, string] {
  const [name, value] = toField(text, index);
  if (isHopByHop(name) || OWN_FIELDS.has(name.toLowerCase()))
    throw new UsageError(`-H number ${index + 1}: ${name} is set by headgate itself`);
  return [name, value];
}

function toCount(flag: string, text: string, most: number): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most) throw new UsageError(`--${flag} is a number from 1 to ${most}`);
  return count;
}

function toQuantity(flag: string, parse: (text: string) => number, text: string): number {
  try {
    const quantity = parse(text);
    if (quantity > 0) return quantity;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--${flag}: ${error.message}`);
  }
  throw new UsageError(`--${flag} must be more than 0`);
}
