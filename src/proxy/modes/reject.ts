/** Mode reject: headgate responds with 405. */

import { toRejection } from "../../head/rejection.ts";
import { toRequestId } from "../../http/exchange.ts";
import { HEAD_MODES } from "../../http/head-outcomes.ts";
import type { HeadMode } from "../head-mode.ts";
import { respondLocally } from "../relay.ts";

/** Mode reject. */
export const REJECT: HeadMode = {
  ...HEAD_MODES.reject,
  respond({ route, exchange, response }) {
    respondLocally(toRejection(route, toRequestId(exchange)), response);
    return Promise.resolve();
  },
  toOwnResponse: toRejection,
  explain: () => ["the route rejects HEAD"],
};
