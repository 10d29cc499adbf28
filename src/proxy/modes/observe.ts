/** Mode observe: as pass; the metrics count the responses for which mode auto would have sent a GET. */

import { HEAD_MODES } from "../../http/head-outcomes.ts";
import type { HeadMode } from "../head-mode.ts";
import { respondByHead } from "./pass.ts";

/** Mode observe. */
export const OBSERVE: HeadMode = {
  ...HEAD_MODES.observe,
  respond: respondByHead,
  explain: ({ head }) => [
    "The upstream gets the HEAD itself, and its answer is passed on.",
    `An answer of ${head.fallbackOn.join(" or ")} is counted as one that a GET would have rescued.`,
  ],
};
