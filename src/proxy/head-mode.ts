/** What a mode of `head` does with one HEAD; each has a file in modes/. */

import type { RouteConfig } from "../config/types.ts";
import type { HeadModeFacts } from "../http/head-outcomes.ts";
import type { LocalResponse } from "../http/local-response.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { HeadContext } from "./context.ts";

/** One mode. */
export interface HeadMode extends HeadModeFacts {
  /** Responds to a HEAD. Rejects with a ProxyError if there is no response. */
  respond(context: HeadContext): Promise<void>;
  /** headgate's own response, if the mode needs no upstream. */
  readonly toOwnResponse?: (route: RouteConfig, requestId: string) => LocalResponse;
  /** Says in sentences what happens to the content of the response, or why headgate responds itself, for `headgate explain`. */
  explain(route: RouteConfig, request: CheckedRequest): readonly string[];
}
