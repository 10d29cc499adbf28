/** The life of one upgrade: aborting it ends everything that belongs to it. */

import { type ProxyError, toProxyError } from "../../http/errors.ts";

/** Calls `action` with the reason when `life` is aborted. */
export function onAbort(life: AbortController, action: (reason: ProxyError) => void): void {
  life.signal.addEventListener("abort", () => action(toProxyError(life.signal.reason)), {
    once: true,
  });
}
