/** Reads requests strictly: the reference for a proxy's reading. */

import {
  type Field,
  type Framing,
  type Problem,
  framingOf,
  membersOf,
  readContent,
  readHead,
  valuesOf,
} from "./strict.ts";

/** A request. */
export interface Request {
  readonly method: string;
  /** The request-target, unchanged. */
  readonly target: string;
  readonly version: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  readonly body: string;
  readonly trailers?: readonly Field[];
  readonly end: number;
}

/** A request with the meaning that its recipient must use. */
export interface Meant extends Request {
  /** The origin-form, or `*`. */
  readonly path: string;
  /** Undefined if an HTTP/1.0 client sent no host. */
  readonly host: string | undefined;
}

/** The requests of one connection, and what follows the last one: nothing, an incomplete request, garbage, or bytes without effect. */
export interface Meaning {
  readonly requests: readonly Meant[];
  readonly rest: "complete" | "closed" | Problem;
  /** A HEAD whose content is incomplete or invalid: the upstream does not need it, so a proxy may respond to the HEAD. */
  readonly early?: Meant | undefined;
}

const START = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
// RFC 9112 §3 allows recipients to accept more than one space on either side of the target, and node's parser does.
const FORGIVEN_START = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +([\x21-\x7e\x80-\xff]+) +HTTP\/1\.([01])$/;
/** A host with an optional port (RFC 9110 §7.2). */
export const HOST =
  /^(?:\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[\w.~!$&'()*+;=:-]+)\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]{0,5})?$/i;
const ABSOLUTE = /^https?:\/\/([^/?]*)([^#]*)$/i;

/** Reads one request. */
export function readRequest(text: string, at: number, startLine = START): Request | Problem {
  const head = readHead(text, at);
  if (typeof head === "string") return head;
  const [, method, target, minor] = startLine.exec(head.start) ?? [];
  const framing = framingOf(head.fields);
  if (method === undefined || target === undefined || framing === "invalid") return "invalid";
  if (minor === "0" && framing === "chunked") return "invalid"; // RFC 9112 §6.1
  const content = readContent(text, head.end, framing);
  if (typeof content === "string") return content;
  return { method, target, version: `1.${minor}`, fields: head.fields, framing, ...content };
}

/** Reads all bytes that a client sent on one connection. */
export function readMeaning(text: string): Meaning {
  const requests: Meant[] = [];
  for (let at = 0; ;) {
    // RFC 9112 §2.2: empty lines before a request are ignored; node's parser also ignores a CR or LF alone, which frames nothing.
    while (text[at] === "\r" || text[at] === "\n") at += 1;
    if (at === text.length) return { requests, rest: "complete" };
    const request = readRequest(text, at, FORGIVEN_START);
    if (typeof request === "string") return { requests, rest: request, early: readEarly(text, at) };
    const meant = toMeant(request);
    if (meant === undefined) return { requests, rest: "invalid" };
    requests.push(meant);
    if (isLast(meant)) return { requests, rest: "closed" };
    at = request.end;
  }
}

function readEarly(text: string, at: number): Meant | undefined {
  const end = text.indexOf("\r\n\r\n", at) + 4;
  if (end < 4 || !text.startsWith("HEAD ", at)) return undefined;
  const head = readHead(text, at);
  if (typeof head === "string" || framingOf(head.fields) === "invalid") return undefined;
  const [, method, target, minor] = FORGIVEN_START.exec(head.start) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const rest = { fields: head.fields, framing: "none", body: "", end } as const;
  return toMeant({ method, target, version: `1.${minor}`, ...rest });
}

/** The target and the host of a request (RFC 9112 §3.2); undefined if they are invalid. */
function toMeant(request: Request): Meant | undefined {
  const { method, target, version, fields } = request;
  const hosts = valuesOf(fields, "host");
  const [named] = hosts;
  if (hosts.length > 1 || !(named === undefined ? version === "1.0" : HOST.test(named)))
    return undefined;
  if (target.startsWith("/"))
    return target.includes("#") ? undefined : { ...request, path: target, host: named };
  if (target === "*" && method === "OPTIONS") return { ...request, path: target, host: named };
  const [, host = "", rest = ""] = ABSOLUTE.exec(target) ?? [];
  if (!HOST.test(host)) return undefined;
  return { ...request, path: toPath(method, rest), host };
}

function toPath(method: string, rest: string): string {
  if (rest !== "") return rest.startsWith("/") ? rest : `/${rest}`;
  return method === "OPTIONS" ? "*" : "/"; // RFC 9112 §3.2.4
}

/** Whether bytes after it have no effect: the connection closes (RFC 9112 §9.3) or may switch protocols (RFC 9110 §7.8). */
function isLast({ method, version, fields }: Meant): boolean {
  const options = membersOf(fields, "connection");
  if (options.includes("close")) return true;
  if (version === "1.0") return !options.includes("keep-alive");
  const protocols = membersOf(fields, "upgrade");
  const isAsked =
    options.includes("upgrade") && protocols.some((name) => !["h2", "h2c", ""].includes(name));
  return isAsked && method !== "HEAD";
}
