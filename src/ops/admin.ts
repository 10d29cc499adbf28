/**
 * The admin port: probes, metrics and the status page.
 *
 * It uses interfaces for the request and the response, so any server can call it. That server sets the limits on connections, header
 * sections and request time.
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

/** The part of a request that the admin port uses. */
export type AdminRequest = UncheckedRequest;

/** The part of a response that the admin port uses. */
export interface AdminResponse extends Subscriber {
  /** False closes the connection after this response. */
  keepAlive: boolean;
}

/** What the admin port shows and does. */
export interface AdminOptions {
  readonly readiness: Pick<Readiness, "state">;
  readonly metrics: Pick<Metrics, "text">;
  readonly logger: Pick<Logger, "error">;
  /** Reads the configuration again. If it is undefined, `POST /reload` gets 403. `trigger` is the word for the log. */
  readonly reload?: ((trigger: string) => Promise<ReloadOutcome>) | undefined;
  readonly status: Pick<Status, "text" | "open">;
  /** The time, in milliseconds, that a client has to read a response. The default is 10 s. */
  readonly responseTimeoutMs?: number;
}

/** The result of a reload, and the text of the response to `POST /reload`. */
export interface ReloadOutcome {
  readonly result: "success" | "failure";
  readonly message: string;
}

/** A complete response of one of the pages. */
interface PageResponse {
  readonly status: number;
  readonly contentType: string;
  /** Several responses may send the same buffer. Undefined for a HEAD to `/events`, whose length is unknown. */
  readonly body: Buffer | undefined;
  readonly fields?: Readonly<Record<string, string>>;
}

/** A request that is valid HTTP. */
interface ParsedRequest extends Pick<AdminRequest, "method" | "rawFields"> {
  /** Without the query. */
  readonly path: string;
  /** The hosts that the request names: in the Host field and, in the absolute-form, in the target. */
  readonly hosts: readonly string[];
}

type PageHandler = (request: ParsedRequest) => PageResponse | Promise<PageResponse>;

/** Prometheus' scrape timeout is 10 s by default, too. */
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
    // Sends one response per connection and turn of the event loop. Otherwise pipelined requests would delay all other work, such as
    // probes, because the server passes each one on as soon as the previous response is sent.
    setImmediate(() => {
      if (!isOver) serve(request, response);
    });
  };

  function serve(request: AdminRequest, response: AdminResponse): void {
    const parsed = parse(request);
    const isInvalid = "status" in parsed;
    if (!isInvalid && isForEvents(parsed) && options.status.open(response) === "open") return;
    // Without this timeout, a client that does not read would keep its response in memory without limit.
    const timer = setTimeout(() => response.destroy(), timeoutMs);
    response.onOver(() => clearTimeout(timer));
    // After an invalid request, headgate and the client may disagree about where the next request begins. After a request with
    // content, headgate would have to read the content, which no page needs. In both cases the connection closes.
    if (isInvalid || hasContent(request)) response.keepAlive = false;
    const found = isInvalid ? Promise.resolve(parsed) : respond(pages, parsed, options);
    found.then(
      (each) => send(response, each),
      (error: unknown) => {
        // Only the log has the reason, because other people than the operator may be able to connect to this port.
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
  let page: PageResponse | undefined;
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
    // Shows only that the event loop runs. If it checked the upstream, Kubernetes would restart headgate because the app is slow.
    ["/livez", () => toText(200, "live")],
    ["/readyz", () => toText(readiness.state() === "ready" ? 200 : 503, readiness.state())],
    ["/metrics", samples],
    ["/status.json", snapshot],
    ["/events", toEventsRefused],
    [
      "/",
      // curl gets plain text for the terminal.
      ({ rawFields }) =>
        findField(rawFields, "accept")?.includes("text/html") === true
          ? (page ??= toStatusPage())
          : index,
    ],
  ]);
}

function toStatusPage(): PageResponse {
  const { body: html, fields } = createStatusPage();
  return { status: 200, contentType: "text/html; charset=utf-8", body: Buffer.from(html), fields };
}

const INDEX = `headgate

/             the status page, in a browser
/status.json  the same for programs
/events       the same once a second, as server-sent events
/livez        the process runs
/readyz       it takes traffic
/metrics      Prometheus`;

/** Parses the target and Host as the proxy's port does (RFC 9112 §3.2). Returns an error response if they are invalid. */
function parse(request: AdminRequest): ParsedRequest | PageResponse {
  const { method, rawFields } = request;
  try {
    const { path: target, host } = checkRequest(request, Infinity); // the server limits the number of fields
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

/** The response to a HEAD, or if the event stream is full. A browser does not reconnect after a 503; the page's script retries later. */
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

/** `/reload` is the only path that changes something. It needs POST, so that links and crawlers cannot trigger it. */
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
 * Whether a web page in a browser on this machine may have sent the request.
 *
 * Any page can send a POST to this port; the browser then adds Origin or Sec-Fetch-Site (Fetch Standard §3.2). If it adds neither,
 * the Host field shows an attacker's domain that resolves to this machine (DNS rebinding): such a name contains a dot.
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
  if (content !== undefined) response.write(content); // for a HEAD, the server drops the content
  response.end();
}

function isReading({ method }: ParsedRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** RFC 9112 §6: one of these two fields announces content. */
function hasContent({ rawFields }: AdminRequest): boolean {
  return ["content-length", "transfer-encoding"].some(
    (name) => findField(rawFields, name) !== undefined,
  );
}

function toText(status: number, text: string): PageResponse {
  return { status, contentType: "text/plain; charset=utf-8", body: Buffer.from(`${text}\n`) };
}

/** RFC 9110 §15.5.6: a 405 lists the allowed methods. */
function toNotAllowed(text: string, allow: string): PageResponse {
  return { ...toText(405, text), fields: { Allow: allow } };
}
