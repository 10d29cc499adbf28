/** What would become of a request, step by step as proxy.ts takes them, and nothing is sent. */

import { formatUrl } from "../config/address.ts";
import type { Config, RouteConfig } from "../config/schema.ts";
import { toPeers } from "../generation.ts";
import { toHeadFields } from "../head/fields.ts";
import { type HeadPlan, planHead, planShare } from "../head/plan.ts";
import { toAllowed, toOptionsReply } from "../head/options.ts";
import { PROBE, isProbed } from "../head/probe.ts";
import { toRejection } from "../head/rejection.ts";
import { ProxyError } from "../http/errors.ts";
import { toRequestId } from "../http/exchange.ts";
import { type Explanation, explainMatch } from "../http/explain.ts";
import { toLocalAnswer, withMaxForwards } from "../http/local.ts";
import { type Origin, toOutgoingFields } from "../http/outgoing.ts";
import { noConnect } from "../http/refusal.ts";
import type { RequestHead } from "../http/request-head.ts";
import { createRequestParser } from "../http/request-parser.ts";
import { type CheckedRequest, type UncheckedRequest, checkRequest } from "../http/request.ts";
import { toHopFields } from "../http/request-text.ts";
import { toTunnel } from "../http/upgrade.ts";
import { type DroppedField, type SentField, toDropped, toSent } from "./explained-fields.ts";
import { type AppliedRules, toRules } from "./explained-rules.ts";

/** What headgate answers itself. */
export interface OwnAnswer {
  readonly status: number;
  readonly reason: string;
}

/** What goes up. */
export interface Forwarded {
  readonly upstream: string;
  readonly url: string;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly SentField[];
  readonly dropped: readonly DroppedField[];
  /** Undefined for what is not a HEAD. */
  readonly head: HeadPlan["outcome"] | undefined;
  /** Why its answer is not shared though the route says so. */
  readonly unshared: string | undefined;
  readonly isTunnel: boolean;
  /** How the request's content is framed. */
  readonly framing: CheckedRequest["framing"];
  readonly rules: AppliedRules;
}

/** Undefined parts are those that the request does not get to. */
export interface Explained {
  readonly request: RequestHead;
  readonly client: string;
  readonly match: Explanation | undefined;
  readonly answer: OwnAnswer | undefined;
  readonly forwarded: Forwarded | undefined;
}

/** Explains one request from the client of that address. `section` is its header section in latin1, with the empty line. */
export function explainRequest(config: Config, section: string, client: string): Explained {
  const peer = config.listen.kind === "unix" ? "a unix socket" : client;
  const read = readRequest(section, config);
  const { request } = read;
  const said = { request, client: peer, match: undefined, answer: undefined, forwarded: undefined };
  if ("error" in read) return { ...said, answer: toOwnAnswer(read.error) };
  const { checked } = read;

  const { routes, defaultRoute } = config;
  const match = explainMatch(routes, defaultRoute, { host: checked.host, target: checked.path });
  const local = toLocalAnswer(request, checked);
  if (local !== undefined) {
    const reason =
      checked.path === "*" ? "OPTIONS * asks about this server" : "Max-Forwards is used up";
    return { ...said, match, answer: { status: local.status, reason } };
  }
  const reply = toOptionsReply(request.method, checked.fields, match.route);
  if (reply !== undefined) {
    const reason = `the route replies to OPTIONS with Allow: ${toAllowed(match.route).join(", ")}`;
    return { ...said, match, answer: { status: reply.status, reason } };
  }
  // What mode auto remembers belongs to a running process: this is how it begins.
  const plan = request.method === "HEAD" ? planHead(match.route, checked) : undefined;
  if (plan?.outcome === "reject") {
    const reason = "the route rejects HEAD";
    return { ...said, match, answer: { status: toRejection(match.route, "").status, reason } };
  }
  const forwarded = toForwarded(config, request, { checked, match, client, plan });
  return { ...said, match, forwarded };
}

type Read =
  | { readonly request: RequestHead; readonly checked: CheckedRequest }
  | { readonly request: RequestHead; readonly error: ProxyError };

/** Reads and checks a request in the order in which net/server/connection.ts and proxy.ts do: the first fault is the one that counts. */
function readRequest(section: string, { limits }: Config): Read {
  const parser = createRequestParser(limits.headerBytes, () => undefined);
  let request: UncheckedRequest | undefined;
  try {
    parser.push(Buffer.from(section, "latin1"), 0);
    const head = parser.takeHead();
    if (head === undefined) throw new Error("the header section has no end");
    request = head;
    if ("error" in head) throw head.error;
    if (head.method === "CONNECT") throw noConnect();
    return { request, checked: checkRequest(head, limits.headerCount) };
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return { request: request ?? parser.known(), error };
  }
}

function toOwnAnswer({ status, message }: ProxyError): OwnAnswer {
  return { status, reason: message };
}

interface Step {
  readonly checked: CheckedRequest;
  readonly match: Explanation;
  readonly client: string;
  readonly plan: HeadPlan | undefined;
}

function toForwarded(
  config: Config,
  request: RequestHead,
  { checked, match, client, plan }: Step,
): Forwarded {
  const { route } = match;
  const upgrade = toTunnel(request, checked);
  const isTunnel = upgrade !== undefined;
  const method = plan?.upstreamMethod ?? request.method;
  const origin = toOrigin(config, request, { route, host: checked.host, client });
  const meant = toMeant(route, method, checked.fields, plan);
  const outgoing = toOutgoingFields(meant, origin);
  const { name: upstream, url, keepAlive } = origin.upstream;
  const framing = plan === undefined ? checked.framing : "none";
  const { takesTrailers } = checked;
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
    head: plan?.outcome,
    unshared: plan === undefined ? undefined : findObstacle(route, checked, origin),
    isTunnel,
    framing,
    rules: isTunnel ? {} : toRules(route, checked, plan),
  };
}

/** The end-to-end fields that go up, before those of the forwarding. */
function toMeant(
  route: RouteConfig,
  method: string,
  fields: readonly string[],
  plan: HeadPlan | undefined,
): readonly string[] {
  if (plan === undefined) return withMaxForwards(method, fields);
  const meant = toHeadFields(fields, plan.upstreamMethod);
  const isProbe = plan.upstreamMethod === "GET" && isProbed(route, fields);
  return isProbe ? [...meant, ...PROBE] : meant;
}

function findObstacle(
  route: RouteConfig,
  checked: CheckedRequest,
  { peer }: Origin,
): string | undefined {
  if (route.head.share === 0) return undefined;
  const shared = planShare(route, checked, peer);
  return "obstacle" in shared ? shared.obstacle : undefined;
}

function toOrigin(
  config: Config,
  { rawFields }: RequestHead,
  { route, host, client }: { route: RouteConfig; host: string | undefined; client: string },
): Origin {
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
