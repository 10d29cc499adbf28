/**
 * The second port: probes, metrics and the status page.
 *
 * It speaks to Node's request and response through shapes of its own, so that any server can carry it:
 * `createServer(createAdmin({ readiness, metrics, logger }))`. Limits on connections, header sections and request time are
 * that server's.
 */

import { STATUS_CODES } from "node:http";
import { isIP } from "node:net";

import { toProxyError } from "../http/errors.ts";
import { findField } from "../http/fields.ts";
import { type UncheckedRequest, checkRequest } from "../http/request.ts";
import type { Logger } from "./log/logger.ts";
import type { Metrics } from "./metrics/endpoint.ts";
import { createStatusPage } from "./status/page.ts";
import { toPrintable } from "./log/printable.ts";
import type { Readiness } from "./readiness.ts";
import { createRendering } from "./metrics/rendering.ts";
import type { Subscriber } from "./status/events.ts";
import type { Status } from "./status/status.ts";

/** The part of a request that is used. */
export type AdminRequest = UncheckedRequest;

/** The part of a response that is used. */
export interface AdminResponse extends Subscriber {
  keepAlive: boolean;
}

export interface AdminOptions {
  readonly readiness: Pick<Readiness, "state">;
  readonly metrics: Pick<Metrics, "text">;
  readonly logger: Pick<Logger, "error">;
  /** Reads the configuration again; undefined where nobody may ask for that here. */
  readonly reload?: ((trigger: string) => Promise<ReloadOutcome>) | undefined;
  readonly status: Pick<Status, "text" | "open">;
  /** How long a client may take to read an answer; 10 s unless given. */
  readonly responseTimeoutMs?: number;
}

/** How a reload went. */
export interface ReloadOutcome {
  readonly result: "success" | "failure";
  readonly message: string;
}

interface PageResponse {
  readonly status: number;
  readonly contentType: string;
  /** Shared by all who get it. Undefined: this is only said of what would come, and nobody knows how long that is. */
  readonly body: Buffer | undefined;
  readonly fields?: Readonly<Record<string, string>>;
}

/** A request that is valid HTTP. */
interface ParsedRequest extends Pick<AdminRequest, "method" | "rawFields"> {
  /** Without the query. */
  readonly path: string;
  /** What it calls this machine: in the Host field and, in the absolute-form, in the target. */
  readonly hosts: readonly string[];
}

type PageHandler = (request: ParsedRequest) => PageResponse | Promise<PageResponse>;

/** Prometheus gives up after 10 s as well. */
const RESPONSE_TIMEOUT_MS = 10_000;

/** Returns the port's request listener. It never throws and never rejects. */
export function createAdmin(
  options: AdminOptions,
): (request: AdminRequest, response: AdminResponse) => void {
  const pages = createPages(options);
  const timeoutMs = options.responseTimeoutMs ?? RESPONSE_TIMEOUT_MS;
  return (request, response) => {
    let isOver = false;
    response.onOver(() => {
      isOver = true;
    });
    // One response per connection and turn of the event loop: pipelined requests, which the server hands over as soon as the last
    // response is taken, would otherwise hold up everything else, probes first.
    setImmediate(() => {
      if (!isOver) serve(request, response);
    });
  };

  function serve(request: AdminRequest, response: AdminResponse): void {
    const parsed = parse(request);
    const isInvalid = "status" in parsed;
    if (!isInvalid && isForEvents(parsed) && options.status.open(response) === "open") return;
    // A client that does not read would keep its answer in memory for as long as it likes.
    const timer = setTimeout(() => response.destroy(), timeoutMs);
    response.onOver(() => clearTimeout(timer));
    // Whoever sent what is not understood may mean the next bytes otherwise, too; and no page reads content, so a connection on
    // which some may come ends here instead of swallowing it.
    if (isInvalid || hasContent(request)) response.keepAlive = false;
    const found = isInvalid ? Promise.resolve(parsed) : respond(pages, parsed, options);
    found.then(
      (each) => send(response, each),
      (error: unknown) => {
        // The reason stays in the log: the port may be reachable by more than the operator.
        options.logger.error({}, toPrintable(`admin request failed: ${String(error)}`, 512));
        send(response, toText(500, "failed, see the log"));
      },
    );
  }
}

function createPages({
  readiness,
  metrics,
  status,
}: AdminOptions): ReadonlyMap<string, PageHandler> {
  const { body: html, fields } = createStatusPage();
  const page = {
    status: 200,
    contentType: "text/html; charset=utf-8",
    body: Buffer.from(html),
    fields,
  };
  const index = toText(200, INDEX);
  const samples = createRendering(async (): Promise<PageResponse> => {
    const { contentType, body } = await metrics.text();
    return { status: 200, contentType, body: Buffer.from(body) };
  });
  const snapshot = createRendering((): PageResponse => ({
    status: 200,
    contentType: "application/json",
    body: Buffer.from(status.text()),
  }));
  return new Map<string, PageHandler>([
    // Says only that the event loop turns. Were it tied to the upstream, a slow backend would get this process restarted.
    ["/livez", () => toText(200, "live")],
    ["/readyz", () => toText(readiness.state() === "ready" ? 200 : 503, readiness.state())],
    ["/metrics", samples],
    ["/status.json", snapshot],
    ["/events", toEventsRefused],
    [
      "/",
      // curl gets what a terminal can show.
      ({ rawFields }) =>
        findField(rawFields, "accept")?.includes("text/html") === true ? page : index,
    ],
  ]);
}

const INDEX = `headgate

/             the status page, in a browser
/status.json  the same for programs
/events       the same once a second, as server-sent events
/livez        the process runs
/readyz       it takes traffic
/metrics      Prometheus`;

/** Reads the target and Host as the proxy's port does (RFC 9112 §3.2), or says what is wrong with them. */
function parse(request: AdminRequest): ParsedRequest | PageResponse {
  const { method, rawFields } = request;
  try {
    const { path: target, host } = checkRequest(request, Infinity); // of fields as many as the server lets in
    const [path = ""] = target.split("?", 1);
    return { method, path, rawFields, hosts: [host ?? "", findField(rawFields, "host") ?? ""] };
  } catch (error) {
    const { status, message } = toProxyError(error);
    return toText(status, message);
  }
}

function isForEvents({ method, path }: ParsedRequest): boolean {
  return method === "GET" && path === "/events";
}

/** A browser stops at this answer instead of trying again at once; the page asks again later. */
function toEventsRefused({ method }: ParsedRequest): PageResponse {
  return method === "HEAD"
    ? { status: 200, contentType: "text/event-stream", body: undefined }
    : { ...toText(503, "too many listeners"), fields: { "Retry-After": "5" } };
}

async function respond(
  pages: ReadonlyMap<string, PageHandler>,
  parsed: ParsedRequest,
  { reload }: AdminOptions,
): Promise<PageResponse> {
  if (parsed.path === "/reload") return respondToReload(parsed, reload);
  const page = pages.get(parsed.path);
  if (page === undefined) return toText(404, "not found");
  if (!isReading(parsed)) return toNotAllowed("method not allowed", "GET, HEAD");
  return page(parsed);
}

/** The one request that changes something: POST only, so that no link and no crawler can do it. */
async function respondToReload(
  parsed: ParsedRequest,
  reload: AdminOptions["reload"],
): Promise<PageResponse> {
  if (reload === undefined) {
    return toText(
      403,
      "reload needs a route file, and a loopback address for admin in the route file, HEADGATE_ADMIN or --admin; SIGHUP reloads in any case",
    );
  }
  if (parsed.method !== "POST") return toNotAllowed("use POST", "POST");
  if (isFromPage(parsed)) return toText(403, "reload is not served to pages in a browser");
  const { result, message } = await reload("admin");
  return toText(result === "success" ? 200 : 422, message);
}

/**
 * A page in a browser on this machine may send a POST anywhere, and says where the page is from (Fetch Standard §3.2). A browser
 * that does not say so still names the host: a stranger's name that resolves to this machine (DNS rebinding) has a dot in it.
 */
function isFromPage({ rawFields, hosts }: ParsedRequest): boolean {
  const hasOrigin = ["origin", "sec-fetch-site"].some(
    (name) => findField(rawFields, name) !== undefined,
  );
  if (hasOrigin) return true;
  const names = hosts.map((host) => host.replace(/:\d*$/, ""));
  return names.some((name) => name.includes(".") && isIP(name) === 0);
}

function send(
  response: AdminResponse,
  { status, contentType, body: content, fields: more }: PageResponse,
): void {
  const fields: Record<string, string> = {
    "Content-Type": contentType,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...more,
  };
  if (content !== undefined) fields["Content-Length"] = String(content.length);
  response.writeHead(status, STATUS_CODES[status] ?? "", Object.entries(fields).flat());
  if (content !== undefined) response.write(content); // a HEAD's has none, and drops it
  response.end();
}

function isReading({ method }: ParsedRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** RFC 9112 §6: content is announced by one of these two fields. */
function hasContent({ rawFields }: AdminRequest): boolean {
  return ["content-length", "transfer-encoding"].some(
    (name) => findField(rawFields, name) !== undefined,
  );
}

function toText(status: number, text: string): PageResponse {
  return { status, contentType: "text/plain; charset=utf-8", body: Buffer.from(`${text}\n`) };
}

/** RFC 9110 §15.5.6: a 405 says what is allowed. */
function toNotAllowed(text: string, allow: string): PageResponse {
  return { ...toText(405, text), fields: { Allow: allow } };
}
