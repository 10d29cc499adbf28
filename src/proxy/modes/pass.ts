/** Mode pass: the upstream gets the HEAD itself. A HEAD that a passthrough rule names is served so in any mode but reject. */

import { HEAD_MODES } from "../../http/head-outcomes.ts";
import type { HeadContext } from "../context.ts";
import type { HeadMode } from "../head-mode.ts";
import { relayAsIs, sendAs } from "../head-response.ts";

/** Mode pass. */
export const PASS: HeadMode = {
  ...HEAD_MODES.pass,
  respond: respondByHead,
  explain: () => [
    "headgate sends the HEAD, and the upstream responds without a body.",
    "A backend that serves only GET responds with 405 here.",
  ],
};

/** Sends the HEAD and relays its response. */
export async function respondByHead(context: HeadContext): Promise<void> {
  return relayAsIs(context, await sendAs(context, "HEAD"));
}
