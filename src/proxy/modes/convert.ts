/** Mode convert: a GET is sent in place of the HEAD, and its content goes to no client. */

import type { RouteConfig } from "../../config/types.ts";
import { formatDuration, formatSize } from "../../config/units.ts";
import { isMeasured, withMeasured } from "../../head/measure.ts";
import { isProbed } from "../../head/probe.ts";
import { toOverload } from "../../head/rejection.ts";
import { ProxyError } from "../../http/errors.ts";
import { toRequestId } from "../../http/exchange.ts";
import { HEAD_MODES } from "../../http/head-outcomes.ts";
import type { HeadContext } from "../context.ts";
import type { HeadMode } from "../head-mode.ts";
import { sendProbe } from "../head-probe.ts";
import {
  type UpstreamResult,
  drainContent,
  sendAs,
  toUpstreamResult,
  writeHeaderSection,
} from "../head-response.ts";
import { respondLocally } from "../relay.ts";

/** Mode convert. */
export const CONVERT: HeadMode = {
  ...HEAD_MODES.convert,
  respond: respondByGet,
  explain: ({ head }) => [
    "The client gets the status and the fields of the GET's response at once, and no body.",
    `headgate reads up to ${formatSize(head.drain.bytes)} of the body within ${formatDuration(head.drain.time)}, to keep the upstream connection; it cuts off a longer one.`,
    ...explainGet(head),
  ],
};

/** Sends a GET and responds to the HEAD from its header section. Calls `onStatus` with the status of the GET. */
export async function respondByGet(
  context: HeadContext,
  onStatus?: (status: number) => void,
): Promise<void> {
  const { response, checked, exchange, route, snapshot } = context;
  const release = snapshot.limits.acquire(route);
  // A number: the HEAD is over the limit, and its client may retry after so many seconds.
  if (typeof release === "number") {
    exchange.head = "reject";
    exchange.error ??= new ProxyError("head_over_limit"); // otherwise the 503 would look like the upstream's in the log
    return respondLocally(toOverload(release, toRequestId(exchange)), response);
  }
  try {
    // The plain case is inlined: each further async function costs a HEAD another microsecond.
    const result = isProbed(route, checked.endToEnd)
      ? await sendProbe(context)
      : toUpstreamResult(await sendAs(context, "GET"));
    onStatus?.(result.status);
    if (isMeasured(route, result.status, result.fields))
      return await respondMeasured(context, result);
    writeHeaderSection(context, result);
    snapshot.batchWrites(() => response.end()); // the client's response is complete; only headgate reads the rest
    await drainContent(context, result);
  } finally {
    release();
  }
}

/** Reads the content to learn its length, and then responds. */
async function respondMeasured(context: HeadContext, result: UpstreamResult): Promise<void> {
  context.exchange.respondedMs = result.receivedMs; // recorded now, because the client may leave while the content is read
  const drained = await drainContent(context, result);
  writeHeaderSection(context, { ...result, fields: withMeasured(result.fields, drained) });
  context.response.end();
}

/** How the options of a route change the GET. */
export function explainGet({ range, contentLength }: RouteConfig["head"]): readonly string[] {
  return [
    ...(range === "probe"
      ? [
          "The GET has Range: bytes=0-0, so that a file costs one byte; if the backend refuses that, headgate sends the GET again without Range.",
          "If the client accepts a content coding, the GET has no Range: a backend may compress the full response and not the part.",
        ]
      : []),
    ...(contentLength === "measure"
      ? [
          "If the GET's response has no Content-Length, headgate counts a body that ends within the drain limits, and adds its length.",
        ]
      : []),
  ];
}
