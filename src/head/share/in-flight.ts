/** One HEAD in flight to the upstream, and the HEADs that wait for its response. */

import type { ProxyError } from "../../http/errors.ts";
import type { Attempt } from "./attempt.ts";
import type { FullRequest } from "./key.ts";
import type { StoredResponse } from "./stored-response.ts";

/** A HEAD that is sent for itself and for others. It ends once: by `settle`, or when all have left. */
export interface InFlight {
  wait(waiter: FullRequest): Waiter;
  /** Ends it: each waiting HEAD gets its result from `toResult`. */
  settle(toResult: (waiter: FullRequest) => WaitResult): void;
  /** The client of the HEAD that was sent has left. */
  leave(error: ProxyError): void;
}

/** What a waiting HEAD gets: the response, an error, or the advice to try again. */
export type WaitResult =
  | { readonly kind: "response"; readonly response: StoredResponse }
  | { readonly kind: "error"; readonly error: ProxyError }
  | { readonly kind: "again"; readonly attempt: Attempt };

/** One waiting HEAD. */
export interface Waiter {
  /** Rejects with the error of `leave`. */
  readonly result: Promise<WaitResult>;
  /** The client of this HEAD has left. */
  leave(error: ProxyError): void;
}

/** What a request in flight needs from its owner. */
export interface InFlightEvents {
  /** Cancels the request to the upstream, because all clients have left. */
  cancel(error: ProxyError): void;
  /** The request has ended: no HEAD can wait for it any more. */
  onOver(): void;
  /** The number of waiting HEADs has changed by `change`. */
  onWaiting(change: number): void;
  /** Returns a number from 0 to less than 1. It chooses the waiting HEAD that is called first and, on `again`, is sent for the others. */
  random(): number;
}

interface Waiting {
  readonly waiter: FullRequest;
  readonly resolve: (result: WaitResult) => void;
  readonly reject: (error: ProxyError) => void;
}

/** Creates the state of one request in flight. The request goes on while any client is left, the first one or a waiting one. */
export function createInFlight({ cancel, onOver, onWaiting, random }: InFlightEvents): InFlight {
  const waiting = new Set<Waiting>();
  let hasLeader = true;
  let isOver = false;

  return {
    wait(waiter) {
      let own: Waiting;
      const result = new Promise<WaitResult>((resolve, reject) => {
        waiting.add((own = { waiter, resolve, reject }));
      });
      onWaiting(1);
      return {
        result,
        leave(error) {
          if (!waiting.delete(own)) return;
          onWaiting(-1);
          own.reject(error);
          if (!hasLeader) cancelUnlessAwaited(error);
        },
      };
    },
    settle(toResult) {
      for (const { waiter, resolve } of end()) resolve(toResult(waiter));
    },
    leave(error) {
      hasLeader = false;
      cancelUnlessAwaited(error);
    },
  };

  // On `again`, the HEAD that is called first is sent for all. The choice is random, so that an attacker cannot get that role on purpose.
  function end(): readonly Waiting[] {
    if (isOver) return [];
    isOver = true;
    onOver();
    onWaiting(-waiting.size);
    const all = [...waiting];
    waiting.clear();
    const first = Math.floor(random() * all.length);
    return [...all.slice(first), ...all.slice(0, first)];
  }

  function cancelUnlessAwaited(error: ProxyError): void {
    if (waiting.size > 0) return;
    end();
    cancel(error);
  }
}
