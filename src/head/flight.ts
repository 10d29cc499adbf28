/** One HEAD on its way to the upstream, and those who wait for its answer. */

import type { ProxyError } from "../http/errors.ts";
import type { Attempt } from "./attempt.ts";
import type { WholeRequest } from "./identity.ts";
import type { SharedAnswer } from "./shared-answer.ts";

/** A HEAD that is asked for itself and for others. It is over once: settled, or left by everybody. */
export interface Flight {
  wait(waiter: WholeRequest): Seat;
  /** Everybody who waits gets its verdict. */
  settle(judge: (waiter: WholeRequest) => Verdict): void;
  /** The one who asks leaves. */
  leave(error: ProxyError): void;
}

/** What one who waited gets: the answer, an error, or the advice to ask again. */
export type Verdict =
  | { readonly kind: "told"; readonly answer: SharedAnswer }
  | { readonly kind: "failed"; readonly error: ProxyError }
  | { readonly kind: "again"; readonly attempt: Attempt };

/** A place among those who wait. */
export interface Seat {
  /** Rejects with the error of leaving. */
  readonly verdict: Promise<Verdict>;
  leave(error: ProxyError): void;
}

/** What a flight is part of. */
export interface FlightEvents {
  /** Ends the request to the upstream: nobody wants its answer any more. */
  cancel(error: ProxyError): void;
  /** Nobody can join any more. */
  onOver(): void;
  /** That many more wait, or fewer. */
  onWaiting(change: number): void;
  /** From 0 to less than 1: who hears its verdict first, and asks for the others if they are to ask again. */
  random(): number;
}

interface Passenger {
  readonly waiter: WholeRequest;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: ProxyError) => void;
}

/** Begins a flight. The request to the upstream goes on as long as anybody is there, be it the one who asked or not. */
export function createFlight({ cancel, onOver, onWaiting, random }: FlightEvents): Flight {
  const waiting = new Set<Passenger>();
  let isLed = true;
  let isOver = false;

  return {
    wait(waiter) {
      let passenger: Passenger;
      const verdict = new Promise<Verdict>((resolve, reject) => {
        waiting.add((passenger = { waiter, resolve, reject }));
      });
      onWaiting(1);
      return {
        verdict,
        leave(error) {
          if (!waiting.delete(passenger)) return;
          onWaiting(-1);
          passenger.reject(error);
          if (!isLed) cancelUnlessAwaited(error);
        },
      };
    },
    settle(judge) {
      for (const { waiter, resolve } of end()) resolve(judge(waiter));
    },
    leave(error) {
      isLed = false;
      cancelUnlessAwaited(error);
    },
  };

  // The first to ask again asks for all of them. Chosen at random, it is no likelier to be an attacker's than any that waits.
  function end(): readonly Passenger[] {
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
