/** How headgate serves a HEAD: the client chooses it by the host of the request, and the route file has a route for each. */

import type { Plan } from "./plan.ts";
import type { Random } from "../shared/random.ts";

interface Way {
  readonly weight: number;
  /** The route's keys in `head`; empty for what headgate does by default. */
  readonly yaml: string;
  /** The methods with which the upstream gets a HEAD. */
  readonly methods: readonly ("GET" | "HEAD")[];
}

/** The modes of `head`, and the settings that change how a HEAD is converted. */
export const HEADS = {
  convert: { weight: 50, yaml: "", methods: ["GET"] },
  auto: { weight: 14, yaml: "mode: auto, remember: 1s", methods: ["HEAD", "GET"] },
  pass: { weight: 8, yaml: "mode: pass", methods: ["HEAD"] },
  observe: { weight: 6, yaml: "mode: observe", methods: ["HEAD"] },
  reject: { weight: 3, yaml: "mode: reject", methods: [] },
  measure: { weight: 8, yaml: "contentLength: measure", methods: ["GET"] },
  probe: { weight: 6, yaml: "range: probe, remember: 1s", methods: ["GET"] },
  share: { weight: 6, yaml: "share: 1s", methods: ["GET"] },
} as const satisfies Record<string, Way>;

/** One of them. */
export type HeadWay = keyof typeof HEADS;

/** Draws how a HEAD is served. */
export function drawHeadWay(random: Random): HeadWay {
  const weights = Object.entries(HEADS).map(([name, { weight }]) => [name, weight]);
  return random.weighted(Object.fromEntries(weights) as Record<HeadWay, number>);
}

/** The host of the requests that are served so. */
export function hostOf(way: string): string {
  return way === "convert" ? "chaos.test" : `${way}.test`;
}

/** Whether the upstream responds with 405 to a HEAD with that salt. */
export function refusesHead(salt: number): boolean {
  return salt % 4 === 0;
}

/** Whether the client gets the 405 of an upstream that refuses HEAD. */
export function isHeadRefused({ method, head, salt }: Plan): boolean {
  return method === "HEAD" && (head === "pass" || head === "observe") && refusesHead(salt);
}

/** Whether headgate itself responds with 405. */
export function isRejected({ method, head }: Plan): boolean {
  return method === "HEAD" && head === "reject";
}

/** What is wrong with the method that reached the upstream, after a request with `before` or none. */
export function findWrongMethod(
  { method, head }: Plan,
  sent: string,
  before: string | undefined,
): string | undefined {
  const methods: readonly string[] = method === "HEAD" ? HEADS[head].methods : [method];
  if (!methods.includes(sent)) return `a ${method} (${head}) was sent as ${sent}`;
  return sent === "HEAD" && before === "GET" ? "a HEAD was sent after its GET" : undefined;
}
