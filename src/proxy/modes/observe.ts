/** Mode observe: as pass; the metrics count the responses for which mode auto would have sent a GET. */

import { HEAD_MODES } from "../../http/head-outcomes.ts";
import type { HeadMode } from "../head-mode.ts";
import { respondByHead } from "./pass.ts";

/** Mode observe. */
export const OBSERVE: HeadMode = {
  ...HEAD_MODES.observe,
  respond: respondByHead,
  explain: ({ head }) => [
    "headgate sends the HEAD and forwards its response.",
    `headgate counts a ${head.fallbackOn.join(" or ")}, because mode auto would send a GET then.`,
  ],
};
