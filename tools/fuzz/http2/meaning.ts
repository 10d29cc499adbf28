/** Reads the requests on streams strictly (RFC 9113 §8): the reference for what a proxy may forward. */

import { HOST } from "../requests.ts";
import { type Field, valuesOf } from "../strict.ts";
import type { SentStream } from "./sent.ts";

/** The request that an upstream of HTTP/1.1 must get. */
export interface MeantStream {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** The regular fields without Host, with joined cookies. */
  readonly fields: readonly Field[];
  readonly body: string;
  readonly trailers: readonly Field[];
  /** An extended CONNECT for a WebSocket (RFC 8441). */
  readonly isTunnel: boolean;
}

/** What a proxy must do with the request of a stream. */
export type StreamMeaning =
  /** Forward it: `whole`; forward it or refuse it: `open`. */
  | { readonly kind: "whole" | "open"; readonly request: MeantStream }
  /** It may not arrive as a complete request. */
  | { readonly kind: "never" };

type Target = Pick<MeantStream, "method" | "path" | "isTunnel">;

const NEVER: StreamMeaning = { kind: "never" };
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^(?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])$/;
const PATH = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const PSEUDO: ReadonlySet<string> = new Set(
  [":method", ":scheme", ":authority", ":path"].concat(":protocol"),
);
/** RFC 9113 §8.2.2. */
const OF_CONNECTION: ReadonlySet<string> = new Set(
  ["connection", "keep-alive", "proxy-connection", "transfer-encoding"].concat(
    "upgrade",
    "http2-settings",
  ),
);
/** Trailers for which a request may be refused. */
const NEVER_IN_TRAILERS = /^(?:content-length|host|te|expect|trailer)$/;
/** Below headgate's limits for a header section, with room for what HTTP/1.1 adds. */
const MAX_BYTES = 30_000;
const MAX_FIELDS = 90;
const MAX_METHOD_BYTES = 64;

/** From Node 22 on, blanks around a value are removed. Node 20 drops the field (docs/forwarding.md). */
const REMOVES_BLANKS = Number(process.versions.node.split(".")[0]) >= 22;

/** Reads the request of a stream. */
// oxlint-disable-next-line complexity -- one rule after the other
export function readStream(stream: SentStream): StreamMeaning {
  const pseudo = readPseudo(stream.fields);
  const target = pseudo && readTarget(pseudo);
  const regular = stream.fields.filter(([name]) => !name.startsWith(":")).map(toForwarded);
  const kept = regular.filter(isSound);
  const host = pseudo?.get(":authority") ?? valuesOf(kept, "host")[0];
  if (target === undefined || host === undefined || !HOST.test(host)) return NEVER;
  if (regular.some(isForbidden) || !areHosts(kept, host)) return NEVER;
  const [length, ...others] = valuesOf(kept, "content-length");
  if (others.length > 0 || !/^\d{1,15}$/.test(length ?? "0")) return NEVER;
  const isHead = target.method === "HEAD";
  const data = stream.data.join("");
  const body = isHead || target.isTunnel ? "" : data.slice(0, Number(length ?? data.length));
  const isBroken = !isComplete(stream) || (length !== undefined && data.length !== Number(length));
  if (isBroken && !isHead && !target.isTunnel && data.length < Number(length ?? Infinity))
    return NEVER;
  const trailers = (stream.trailers ?? []).map(toForwarded).filter(isSound);
  const fields = joinCookies(kept.filter(([name]) => name !== "host"));
  const request = { ...target, host, fields, body, trailers };
  const isWhole = !isBroken && kept.length === regular.length && isOrdinary(request, stream);
  return { kind: isWhole ? "whole" : "open", request };
}

/** The pseudo-fields; undefined if one is unknown, doubled, or behind a regular field (§8.3). */
function readPseudo(fields: readonly Field[]): ReadonlyMap<string, string> | undefined {
  const pseudo = new Map<string, string>();
  let isOver = false;
  for (const [name, value] of fields) {
    if (!name.startsWith(":")) isOver = true;
    else if (isOver || !PSEUDO.has(name) || pseudo.has(name)) return undefined;
    else pseudo.set(name, value);
  }
  return pseudo;
}

/** Undefined if it is malformed, or a CONNECT without a WebSocket, which headgate does not serve. */
function readTarget(pseudo: ReadonlyMap<string, string>): Target | undefined {
  const method = pseudo.get(":method") ?? "";
  const path = pseudo.get(":path") ?? "";
  const protocol = pseudo.get(":protocol");
  if (!TOKEN.test(method) || method === "PRI" || !SCHEME.test(pseudo.get(":scheme") ?? ""))
    return undefined;
  if (!PATH.test(path) && !(path === "*" && method === "OPTIONS")) return undefined;
  if (method !== "CONNECT")
    return protocol === undefined ? { method, path, isTunnel: false } : undefined;
  const isTunnel = protocol === "websocket" && pseudo.has(":authority");
  return isTunnel ? { method: "GET", path, isTunnel } : undefined;
}

/** Whether all Host fields name the host. */
function areHosts(fields: readonly Field[], host: string): boolean {
  return valuesOf(fields, "host").every((one) => one.toLowerCase() === host.toLowerCase());
}

/** Whether a field makes the request malformed, and is not only dropped by nghttp2 (docs/forwarding.md). */
function isForbidden([name, value]: Field): boolean {
  if (/[A-Z]/.test(name)) return true;
  if (!isSound([name, value])) return false;
  return OF_CONNECTION.has(name) || (name === "te" && value.toLowerCase() !== "trailers");
}

/** The field without the blanks around its value, if headgate forwards it so. A Host with blanks is no host. */
function toForwarded([name, value]: Field): Field {
  const isTrimmed = REMOVES_BLANKS && name !== "host";
  return [name, isTrimmed ? value.replace(/^[\t ]+|[\t ]+$/g, "") : value];
}

/** nghttp2 also drops a Host that is no host. */
function isSound([name, value]: Field): boolean {
  return NAME.test(name) && VALUE.test(value) && (name !== "host" || HOST.test(value));
}

function isComplete({ isEnded, trailers = [] }: SentStream): boolean {
  return isEnded && !trailers.some((field) => field[0].startsWith(":") || isForbidden(field));
}

/** §8.2.3. */
function joinCookies(fields: readonly Field[]): Field[] {
  const crumbs = valuesOf(fields, "cookie").join("; ");
  const first = fields.findIndex(([name]) => name === "cookie");
  return fields.flatMap(([name, value], index): Field[] => {
    if (name !== "cookie") return [[name, value]];
    return index === first ? [[name, crumbs]] : [];
  });
}

/** Whether nothing in a request gives headgate a reason to refuse it, or to respond to it by itself. */
function isOrdinary(
  { host, method, path, fields, trailers }: MeantStream,
  stream: SentStream,
): boolean {
  const sizes = fields.map(([name, value]) => name.length + value.length + 4);
  const port = Number(/:(\d*)$/.exec(host)?.[1] ?? 0);
  return (
    !stream.isReset &&
    !stream.isFaulty &&
    port < 65_536 &&
    path !== "*" &&
    method.length <= MAX_METHOD_BYTES &&
    fields.length <= MAX_FIELDS &&
    sizes.reduce((sum, size) => sum + size, 0) <= MAX_BYTES &&
    trailers.length === (stream.trailers ?? []).length &&
    !trailers.some(([name]) => NEVER_IN_TRAILERS.test(name)) &&
    valuesOf(fields, "max-forwards").length === 0 &&
    valuesOf(stream.fields, "host").length <= 1 &&
    valuesOf(fields, "expect").every((value) => value.toLowerCase() === "100-continue")
  );
}
