/** Computes what headgate would do with a request, from proxy/plan.ts, and sends nothing. */

import { formatUrl } from "../../config/address.ts";
import type { Config, RouteConfig, UpstreamConfig } from "../../config/types.ts";
import { toPeers } from "../../snapshot.ts";
import { toHeadFields } from "../../head/fields.ts";
import { type HeadPlan, planShare } from "../../head/plan.ts";
import { toAllowed } from "../../head/options.ts";
import { isProbed, toProbeFields } from "../../head/probe.ts";
import { toRejection } from "../../head/rejection.ts";
import { ProxyError } from "../../http/errors.ts";
import { toRequestId } from "../../http/exchange.ts";
import { type Explanation, explainMatch } from "./match.ts";
import { type LocalPlan, type Plan, planRequest } from "../../proxy/plan.ts";
import { type OutgoingContext, toOutgoingFields } from "../../http/rewrite.ts";
import type { RequestHead } from "../../http/wire/request-head.ts";
import { createRequestParser } from "../../http/wire/request-parser.ts";
import { type CheckedRequest, type UncheckedRequest, checkRequest } from "../../http/request.ts";
import { toHopFields } from "../../http/rewrite.ts";
import { toContentWords } from "./content.ts";
import { type DroppedField, type SentField, toDropped, toSent } from "./fields.ts";
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
  readonly head: HeadPlan["outcome"] | undefined;
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
  const peer = config.listen.kind === "unix" ? "a unix socket" : client;
  const read = readRequest(section, config);
  const { request } = read;
  const base = {
    request,
    client: peer,
    match: undefined,
    response: undefined,
    forwarded: undefined,
  };
  if ("error" in read) return { ...base, response: toOwnResponse(read.error) };
  const { checked } = read;

  const { routes, defaultRoute } = config;
  const match = explainMatch(routes, defaultRoute, { host: checked.host, target: checked.path });
  const plan = planRequest(request, checked, match.route);
  if (plan.kind === "local")
    return { ...base, match, response: toLocalWords(plan, checked, match.route) };
  if (plan.kind === "head" && plan.head.outcome === "reject") {
    const reason = "the route rejects HEAD";
    return { ...base, match, response: { status: toRejection(match.route, "").status, reason } };
  }
  return {
    ...base,
    match,
    forwarded: toForwarded(config, plan, { request, checked, match, client }),
  };
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

/** Reads and checks a request in the order of server/connection.ts and proxy/handler.ts: the first error decides. */
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
  readonly client: string;
}

function toForwarded(
  config: Config,
  plan: Exclude<Plan, LocalPlan>,
  { request, checked, match, client }: Step,
): Forwarded {
  const { route } = match;
  const { upgrade } = plan;
  const isTunnel = upgrade !== undefined;
  // The NegativeCache of mode auto belongs to a running process; the plan is that of a new process.
  const head = plan.kind === "head" && plan.head.outcome !== "reject" ? plan.head : undefined;
  const method = head?.upstreamMethod ?? request.method;
  const origin = toOrigin(config, request, { route, host: checked.host, client });
  const meant = "fields" in plan ? plan.fields : toFirstFields(route, checked.fields, head);
  const outgoing = toOutgoingFields(meant, origin);
  const { name: upstream, url, keepAlive } = origin.upstream;
  const framing = head === undefined ? checked.framing : "none";
  const { takesTrailers } = checked;
  const unshared = head === undefined ? undefined : findBypassReason(route, checked, origin);
  const hop = toHopFields(
    { method, framing, upgrade, takesTrailers },
    keepAlive > 0 ? "kept" : "closed",
  );
  return {
    upstream,
    url: formatUrl(url),
    method,
    target: checked.path,
    fields: toSent(request.rawFields, outgoing, hop),
    dropped: toDropped(request.rawFields, checked.fields, outgoing, hop),
    head: head?.outcome,
    unshared,
    isTunnel,
    framing,
    rules: toRules(route, checked, head),
    content: toContentWords({ head, unshared, isTunnel, framing }, route, checked),
  };
}

/** The fields of the first upstream request for a HEAD. */
function toFirstFields(
  route: RouteConfig,
  fields: readonly string[],
  head: HeadPlan | undefined,
): readonly string[] {
  if (head?.upstreamMethod !== "GET") return toHeadFields(fields, "HEAD");
  return isProbed(route, fields) ? toProbeFields(fields) : toHeadFields(fields, "GET");
}

function findBypassReason(
  route: RouteConfig,
  checked: CheckedRequest,
  { peer }: OutgoingContext,
): string | undefined {
  if (route.head.share === 0) return undefined;
  const shared = planShare(route, checked, peer);
  return "bypassReason" in shared ? shared.bypassReason : undefined;
}

function toOrigin(
  config: Config,
  { rawFields }: RequestHead,
  { route, host, client }: { route: RouteConfig; host: string | undefined; client: string },
): OutgoingContext & { readonly upstream: UpstreamConfig } {
  const upstream = config.upstreams.get(route.upstream);
  if (upstream === undefined) throw new Error(`no upstream is named ${route.upstream}`); // the schema has checked every route
  const remoteAddress = config.listen.kind === "unix" ? undefined : client;
  const id = "<made for each request>";
  return {
    host,
    peer: toPeers(config)?.({ remoteAddress }),
    upstream,
    requestId: config.requestId === "forward" ? toRequestId({ id, rawFields }) : undefined,
  };
}
