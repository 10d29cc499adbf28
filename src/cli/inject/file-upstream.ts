/** The upstream that the route file names. `init` writes the address at which it found the app there, which may be another one in the pod. */

import { type UpstreamUrl, formatUrl } from "../../config/address.ts";
import { staysLocal } from "../../config/loop.ts";
import type { InjectOptions } from "./options.ts";

/** The route file's upstream, unless a flag overrides it. */
export function findFileUpstream({
  routeFile,
  upstreamPort,
}: InjectOptions): UpstreamUrl | undefined {
  return upstreamPort === undefined ? routeFile?.upstream : undefined;
}

/** Whether an upstream is in headgate's own pod, or in its own container of Compose. */
export function isLocal({ host, socketPath }: UpstreamUrl): boolean {
  return socketPath === undefined && staysLocal(host);
}

/** Whether an upstream is in the pod, but on another port than the app's. */
export function missesPort(upstream: UpstreamUrl, port: number): boolean {
  return isLocal(upstream) && upstream.port !== port;
}

/** What headgate forwards to, for messages. */
export function describeTarget(upstream: UpstreamUrl | undefined, port: number): string {
  return upstream === undefined ? `port ${port}` : `${formatUrl(upstream)}, as the route file says`;
}
