/** Computes what headgate would do with a request, from proxy/plan.ts, and sends nothing. */

import { formatUrl } from "../../config/address.ts";
import type { Config, RouteConfig, UpstreamConfig } from "../../config/types.ts";
import { toPeers } from "../../snapshot.ts";
import { toHeadFields } from "../../head/head-fields.ts";
import { toAllowed } from "../../head/options-reply.ts";
import { isProbed, toProbeFields } from "../../head/probe.ts";
import { ProxyError } from "../../http/errors.ts";
import { toRequestId } from "../../http/exchange.ts";
import type { Peer } from "../../http/forwarded.ts";
import type { HeadOutcome } from "../../http/head-outcomes.ts";
import { type Explanation, explainMatch } from "./match.ts";
import { type HeadPlan, type LocalPlan, type Plan, planRequest } from "../../proxy/plan.ts";
import { toOutgoingFields } from "../../http/rewrite.ts";
import type { RequestHead } from "../../http/wire/request-head.ts";
import { createRequestParser } from "../../http/wire/request-parser.ts";
import { type CheckedRequest, type UncheckedRequest, checkRequest } from "../../http/request.ts";
import { toHopFields } from "../../http/rewrite.ts";
import { toContentWords } from "./content-words.ts";
import { type DroppedField, type SentField, toDropped, toSent } from "./sent-fields.ts";
import { type AppliedRules, toRules } from "./rules.ts";

/** A response that headgate generates itself. */
export interface OwnResponse {
  readonly status: number;
  readonly reason: string;
}

/** The request that headgate would send upstream. */
export interface Forwarded {
  readonly upstream: string;
  readonly url: string;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly SentField[];
  readonly dropped: readonly DroppedField[];
  /** Undefined if the request is not a HEAD. */
  readonly head: HeadOutcome | undefined;
  /** Why its response is not shared although the route shares responses. */
  readonly unshared: string | undefined;
  readonly isTunnel: boolean;
  /** How the request's content is framed. */
  readonly framing: CheckedRequest["framing"];
  readonly rules: AppliedRules;
  /** What happens to the content, in sentences. */
  readonly content: readonly string[];
}

/** A part is undefined if headgate would stop before it. */
export interface Explained {
  readonly request: RequestHead;
  readonly client: string;
  readonly match: Explanation | undefined;
  readonly response: OwnResponse | undefined;
  readonly forwarded: Forwarded | undefined;
}

/** Explains one request from a client with that address. `section` is its header section in latin1, with the empty line. */
export function explainRequest(config: Config, section: string, client: string): Explained {
  const isUnix = isUnixOnly(config);
  const read = readRequest(section, config);
  const { request } = read;
  const base = {
    request,
    client: isUnix ? "a unix socket" : client,
    match: undefined,
    response: undefined,
    forwarded: undefined,
  };
  if ("error" in read) return { ...base, response: toOwnResponse(read.error) };
  const { checked } = read;

  const { routes, defaultRoute } = config;
  const match = explainMatch(routes, defaultRoute, { host: checked.host, target: checked.path });
  const tls = config.listen[0]?.tls && { certificate: undefined };
  const peer = toPeers(config)?.({ remoteAddress: isUnix ? undefined : client, isUnix, tls });
  const plan = planRequest(request, checked, match.route, peer);
  const response = toPlannedResponse(plan, checked, match.route);
  if (response !== undefined) return { ...base, match, response };
  return {
    ...base,
    match,
    forwarded: toForwarded(config, plan, { request, checked, match, peer }),
  };
}

/** Undefined if headgate does not respond itself. */
function toPlannedResponse(
  plan: Plan,
  checked: CheckedRequest,
  route: RouteConfig,
): OwnResponse | undefined {
  if (plan.kind === "local") return toLocalWords(plan, checked, route);
  if (plan.kind !== "head") return undefined;
  const own = plan.mode.toOwnResponse?.(route, "");
  return own && { status: own.status, reason: plan.mode.explain(route, checked).join(" ") };
}

function toLocalWords(
  { cause, response: { status } }: LocalPlan,
  { path }: CheckedRequest,
  route: RouteConfig,
): OwnResponse {
  if (cause === "options")
    return {
      status,
      reason: `the route replies to OPTIONS with Allow: ${toAllowed(route).join(", ")}`,
    };
  const reason = path === "*" ? "OPTIONS * asks about this server" : "Max-Forwards is used up";
  return { status, reason };
}

type Read =
  | { readonly request: RequestHead; readonly checked: CheckedRequest }
  | { readonly request: RequestHead; readonly error: ProxyError };

/** Reads and checks a request in the order of server/refusal.ts and proxy/handler.ts: the first error decides. */
function readRequest(section: string, { limits }: Config): Read {
  const parser = createRequestParser(limits.headerBytes, () => undefined);
  let request: UncheckedRequest | undefined;
  try {
    parser.push(Buffer.from(section, "latin1"), 0);
    const head = parser.takeHead();
    if (head === undefined) throw new Error("the header section has no end");
    request = head;
    if ("error" in head) throw head.error;
    if (head.method === "CONNECT") throw new ProxyError("connect_not_served");
    return { request, checked: checkRequest(head, limits.headerCount) };
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return { request: request ?? parser.partialHead(), error };
  }
}

function toOwnResponse({ status, message }: ProxyError): OwnResponse {
  return { status, reason: message };
}

interface Step {
  readonly request: RequestHead;
  readonly checked: CheckedRequest;
  readonly match: Explanation;
  readonly peer: Peer | undefined;
}

function toForwarded(
  config: Config,
  plan: Plan,
  { request, checked, match: { route }, peer }: Step,
): Forwarded {
  const { upgrade } = plan;
  const upstream = toUpstream(config, route);
  const head = plan.kind === "head" ? plan : undefined;
  const method = head?.mode.upstreamMethod ?? request.method;
  const framing = head === undefined ? checked.framing : "none";
  const requestId = toSentId(config, request);
  const outgoing = toOutgoingFields(toPlannedFields(plan, route, checked), {
    host: checked.host,
    peer,
    upstream,
    requestId,
  });
  const { takesTrailers } = checked;
  const hop = toHopFields(
    { method, framing, upgrade, takesTrailers },
    upstream.keepAlive > 0 ? "kept" : "closed",
  );
  return {
    upstream: upstream.name,
    url: formatUrl(upstream.url),
    method,
    target: checked.path,
    fields: toSent(request.rawFields, outgoing, hop),
    dropped: toDropped(request.rawFields, checked.endToEnd, outgoing, hop),
    head: head?.mode.outcome,
    unshared: toBypassReason(head),
    isTunnel: plan.kind === "upgrade",
    framing,
    rules: toRules(route, plan),
    content: toContentWords(plan, route, checked),
  };
}

/** The end-to-end fields of the request; of a HEAD, those of its first upstream request. */
function toPlannedFields(
  plan: Plan,
  route: RouteConfig,
  { endToEnd }: CheckedRequest,
): readonly string[] {
  if ("fields" in plan) return plan.fields;
  const isGet = plan.kind === "head" && plan.mode.upstreamMethod === "GET";
  if (!isGet) return toHeadFields(endToEnd, "HEAD");
  return isProbed(route, endToEnd) ? toProbeFields(endToEnd) : toHeadFields(endToEnd, "GET");
}

function toBypassReason(plan: HeadPlan | undefined): string | undefined {
  const share = plan?.share;
  return share !== undefined && "bypassReason" in share ? share.bypassReason : undefined;
}

function toUpstream({ upstreams }: Config, route: RouteConfig): UpstreamConfig {
  const upstream = upstreams.get(route.upstream);
  if (upstream === undefined) throw new Error(`no upstream is named ${route.upstream}`); // the schema has checked every route
  return upstream;
}

/** The X-Request-Id that headgate sends; undefined if it leaves the client's. */
function toSentId(config: Config, { rawFields }: RequestHead): string | undefined {
  if (config.requestId !== "forward") return undefined;
  return toRequestId({ id: "<made for each request>", rawFields });
}

/** Whether no client has an address. With the PROXY protocol, the clients of a unix socket have one. */
function isUnixOnly({ listen }: Config): boolean {
  return listen.every(
    ({ address, proxyProtocol }) => address.kind === "unix" && proxyProtocol === false,
  );
}
