/** What happens to the content of a request and its response, in sentences. */

import type { RouteConfig } from "../../config/types.ts";
import { formatDuration, formatSize } from "../../config/units.ts";
import { isOverridden } from "../../head/override.ts";
import type { HeadPlan } from "../../head/plan.ts";
import type { CheckedRequest } from "../../http/request.ts";

/** What the sentences depend on, besides the route and the request. */
export interface ContentPlan {
  /** Undefined if the request is not a HEAD. */
  readonly head: HeadPlan | undefined;
  /** Why its response is not shared although the route shares responses. */
  readonly unshared: string | undefined;
  readonly isTunnel: boolean;
  readonly framing: CheckedRequest["framing"];
}

/** What happens to the content of the response that headgate uses for a HEAD. Each outcome has an entry here. */
const HEAD_CONTENT: Readonly<
  Record<HeadPlan["outcome"], (route: RouteConfig, request: CheckedRequest) => readonly string[]>
> = {
  convert: ({ head }) => [
    "The client gets the status and the fields of the answer to the GET at once, and no body.",
    `Up to ${formatSize(head.drain.bytes)} of the body are read within ${formatDuration(head.drain.time)}, to keep the upstream connection; a longer one is cut off.`,
    ...toGetWords(head),
  ],
  pass: () => [
    "The upstream gets the HEAD itself, and answers it without a body.",
    "A backend that serves GET only answers 405 here.",
  ],
  native: ({ head }, request) => [
    `The upstream gets the HEAD itself; an answer of ${head.fallbackOn.join(" or ")} is replaced by that of the same request as GET.`,
    ...(head.fallbackOn.includes(404)
      ? []
      : [
          "A 404 is passed on. If this backend answers every HEAD with 404, add 404 to head.fallbackOn.",
        ]),
    ...(isOverridden(request)
      ? []
      : [`What this path needs is remembered for ${formatDuration(head.remember)}.`]),
    ...toGetWords(head),
  ],
  observe: ({ head }) => [
    "The upstream gets the HEAD itself, and its answer is passed on.",
    `An answer of ${head.fallbackOn.join(" or ")} is counted as one that a GET would have rescued.`,
  ],
};

/** What happens to the content of any other request. */
const REQUEST_CONTENT: Readonly<Record<CheckedRequest["framing"], string>> = {
  none: "The request has none.",
  length: "The request's is passed on as it comes.",
  chunked: "The request's is passed on as it comes, in chunks of this hop's own.",
};

/** Describes what happens to the content of a request and its response, in sentences. */
export function toContentWords(
  { head, unshared, isTunnel, framing }: ContentPlan,
  route: RouteConfig,
  request: CheckedRequest,
): readonly string[] {
  if (isTunnel)
    return [
      ...(framing === "none" ? [] : [REQUEST_CONTENT[framing]]),
      "Once the upstream agrees, bytes pass both ways until either side ends.",
    ];
  if (head !== undefined)
    return [...HEAD_CONTENT[head.outcome](route, request), ...toShareWords(route, unshared)];
  return [REQUEST_CONTENT[framing], "The answer's is passed on as it comes."];
}

/** How the options change the GET that replaces a HEAD. */
function toGetWords({ range, contentLength }: RouteConfig["head"]): readonly string[] {
  return [
    ...(range === "probe"
      ? [
          "The GET also carries Range: bytes=0-0, so that a file costs one byte; what refuses it is asked again without.",
          "If the client accepts a content coding, the GET has no Range: a backend may compress the full response and not the part.",
        ]
      : []),
    ...(contentLength === "measure"
      ? [
          "Where the GET's answer has no Content-Length, a body that ends within the drain limits is counted for one.",
        ]
      : []),
  ];
}

function toShareWords({ head }: RouteConfig, unshared: string | undefined): readonly string[] {
  if (head.share === 0) return [];
  if (unshared !== undefined) return [`The answer is for this client alone: ${unshared}.`];
  return [
    `HEADs that ask the same meanwhile, or within ${formatDuration(head.share)}, get this answer too, unless it is for one client (no-store, private, Set-Cookie, …).`,
  ];
}
