/** Derives route file settings, with reasons, from what the doctor found. A setting that fits all endpoints is written once. */

import { parseRoutePath } from "../../config/route-syntax.ts";
import { toPatternKey } from "../../http/routing/pattern.ts";
import { formatBytes } from "./bytes.ts";
import { type Verdict, isWrong } from "./compare.ts";
import type { Examined } from "./examine.ts";
import type { Outcome, Response } from "./raw-connection.ts";
import type { Endpoint } from "./parameters.ts";

/** The advice for one route. */
export interface RouteAdvice {
  readonly path: string;
  readonly head: "pass" | "probe";
  readonly reason: string;
}

/** The advised settings of a route file. */
export interface Advice {
  readonly mode: "convert" | "auto" | "pass";
  readonly reason: string;
  readonly routes: readonly RouteAdvice[];
  /** Why `options: reply` fits; undefined if it does not fit. */
  readonly optionsReason: string | undefined;
}

/** Content of this size or more justifies a route of its own. */
const LARGE_BYTES = 1024 * 1024;
/** If a GET's first byte takes longer than this, a HEAD that does not need the GET should not cause one. */
const DEAR_MS = 2_000;
const REFUSED: ReadonlySet<number> = new Set([405, 501]);

/** Derives the advice from all endpoints that were tried. */
export function advise(examined: readonly Examined[]): Advice {
  const wrong = examined.filter(({ verdict }) => isWrong(verdict));
  const fine = examined.filter(({ verdict }) => verdict.kind === "fine");
  const compared = wrong.length + fine.length;
  const { mode, reason } = toMode({ wrong, fine: fine.length, compared });
  const routes = new Map<string, RouteAdvice>();
  for (const one of examined) {
    const advice = toRoute(one, mode);
    if (advice !== undefined && !routes.has(toPatternKey(advice.path)))
      routes.set(toPatternKey(advice.path), advice);
  }
  return { mode, reason, routes: [...routes.values()], optionsReason: toOptionsReason(examined) };
}

function toMode(of: {
  readonly wrong: readonly Examined[];
  readonly fine: number;
  readonly compared: number;
}): Pick<Advice, "mode" | "reason"> {
  const { wrong, fine, compared } = of;
  if (compared === 0)
    return { mode: "convert", reason: "nothing could be compared; this fits every backend" };
  const all = `of ${compared} ${compared === 1 ? "endpoint" : "endpoints"}`;
  const verbs = wrong.length === 1 ? "refuses HEAD or answers it" : "refuse HEAD or answer it";
  if (wrong.length === 0)
    return {
      mode: "pass",
      reason: `${fine} ${all} ${fine === 1 ? "answers" : "answer"} HEAD as GET: no HEAD needs a GET`,
    };
  if (fine === 0)
    return {
      mode: "convert",
      reason: `${wrong.length} ${all} ${verbs} wrongly: headgate sends a GET for each HEAD`,
    };
  const isPlain = wrong.every(({ verdict, direct }) => isPlainRefusal(verdict, direct.head));
  if (isPlain)
    return {
      mode: "auto",
      reason: `${wrong.length} ${all} ${wrong.length === 1 ? "refuses" : "refuse"} HEAD with 405 or 501: headgate sends a GET for these, and a HEAD for the others`,
    };
  return {
    mode: "convert",
    reason: `${wrong.length} ${all} ${verbs} wrongly, not always with 405: headgate sends a GET for each HEAD`,
  };
}

function isPlainRefusal({ kind }: Verdict, head: Outcome): boolean {
  return kind === "refused" && "response" in head && REFUSED.has(head.response.status);
}

function toRoute(examined: Examined, mode: Advice["mode"]): RouteAdvice | undefined {
  const path = toRoutePath(examined.endpoint);
  const found = path === undefined ? undefined : toSetting(examined, mode);
  return path === undefined || found === undefined ? undefined : { path, ...found };
}

function toSetting(
  { direct, verdict }: Examined,
  mode: Advice["mode"],
): Omit<RouteAdvice, "path"> | undefined {
  const { get, head } = direct;
  if (mode === "pass") return undefined;
  if (isTus(get) || isTus(head))
    return {
      head: "pass",
      reason: "tus: a HEAD asks how far an upload has come, which no GET says",
    };
  if (verdict.kind === "head-only")
    return { head: "pass", reason: "it answers HEAD, and has no GET to ask instead" };
  if (!("response" in get)) return undefined;
  if (verdict.kind === "fine") return mode === "auto" ? undefined : toNative(get.response, verdict);
  return isWrong(verdict) ? toLarge(verdict) : undefined;
}

/** The advice for an endpoint that handles HEAD well in mode convert: pass the HEAD if its GET would be expensive. */
function toNative(
  { headMs, contentBytes }: Response,
  { rangedBytes = contentBytes }: Verdict,
): Omit<RouteAdvice, "path"> | undefined {
  const isDear = headMs > DEAR_MS;
  if (!isDear && rangedBytes <= LARGE_BYTES) return undefined;
  const cost = isDear
    ? `its GET takes ${(headMs / 1_000).toFixed(1)} s`
    : `its GET would begin a download of ${formatBytes(rangedBytes)}`;
  return { head: "pass", reason: `it answers HEAD well, and ${cost}` };
}

function toLarge({ rangedBytes = 0 }: Verdict): Omit<RouteAdvice, "path"> | undefined {
  if (rangedBytes <= LARGE_BYTES) return undefined;
  const size = formatBytes(rangedBytes);
  return {
    head: "probe",
    reason: `${size}, with ranges: headgate asks for the first byte, not for all`,
  };
}

function isTus(outcome: Outcome): boolean {
  if (!("response" in outcome)) return false;
  const { fields } = outcome.response;
  return fields.some((text, index) => index % 2 === 0 && /^tus-(resumable|version)$/i.test(text));
}

function toOptionsReason(examined: readonly Examined[]): string | undefined {
  const asked = examined.flatMap(({ direct }) => (direct.options ? [direct.options] : []));
  const refused = asked.filter((one) => "response" in one && REFUSED.has(one.response.status));
  if (refused.length === 0 || refused.length < asked.length) return undefined;
  return `the backend refuses OPTIONS: headgate answers it, for health checks that use it`;
}

/** Converts a path of the document to a route's path; undefined if a route cannot express it. */
function toRoutePath({ pattern, target }: Endpoint): string | undefined {
  const [path = ""] = pattern.split(/[?#]/, 1);
  const [tried = ""] = target.split("?", 1);
  // A parameter's value may have slashes (FastAPI's `{path:path}`), and a route's parameter is one segment.
  const isDeep = tried.split("/").length > path.split("/").length;
  if (isDeep && !path.endsWith("}")) return undefined;
  const written = (isDeep ? path.replace(/[^/]*$/, "*") : path)
    .split("/")
    .map((segment, index) => (/[{}]/.test(segment) ? `{${toName(segment, index)}}` : segment))
    .join("/");
  try {
    return parseRoutePath(written);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

/** A route's parameter is a whole segment: `{id}.json` becomes `{id_json}`. */
function toName(segment: string, index: number): string {
  const name = segment.replace(/^\{|\}$/g, "").replace(/[^A-Za-z0-9_-]+/g, "_");
  return /^[A-Za-z_]/.test(name) ? name : `part${index}`;
}
