/** One HEAD on its way to the upstream, and those who wait for its answer. */

import type { ProxyError } from "../http/errors.ts";
import type { SharedAnswer } from "./shared-answer.ts";

/** A HEAD that is asked for itself and for others. It is over once: settled, failed, or left by everybody. */
export interface Flight {
  wait(fields: readonly string[]): Seat;
  /** Everybody who waits gets what `answerTo` says of the request's fields; undefined: it was not an answer to that. */
  settle(answerTo: (fields: readonly string[]) => SharedAnswer | undefined): void;
  fail(error: ProxyError): void;
  /** The one who asks leaves. */
  leave(error: ProxyError): void;
}

/** A place among those who wait. */
export interface Seat {
  /** Rejects with the flight's error, or with that of leaving. */
  readonly answer: Promise<SharedAnswer | undefined>;
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
}

interface Passenger {
  readonly fields: readonly string[];
  readonly resolve: (answer: SharedAnswer | undefined) => void;
  readonly reject: (error: ProxyError) => void;
}

/** Begins a flight. The request to the upstream goes on as long as anybody is there, be it the one who asked or not. */
export function createFlight({ cancel, onOver, onWaiting }: FlightEvents): Flight {
  const waiting = new Set<Passenger>();
  let isLed = true;
  let isOver = false;

  return {
    wait(fields) {
      let passenger: Passenger;
      const answer = new Promise<SharedAnswer | undefined>((resolve, reject) => {
        waiting.add((passenger = { fields, resolve, reject }));
      });
      onWaiting(1);
      return {
        answer,
        leave(error) {
          if (!waiting.delete(passenger)) return;
          onWaiting(-1);
          passenger.reject(error);
          if (!isLed) cancelUnlessAwaited(error);
        },
      };
    },
    settle: (answerTo) => end(({ fields, resolve }) => resolve(answerTo(fields))),
    fail: (error) => end(({ reject }) => reject(error)),
    leave(error) {
      isLed = false;
      cancelUnlessAwaited(error);
    },
  };

  function end(tell: (passenger: Passenger) => void): void {
    if (isOver) return;
    isOver = true;
    onOver();
    onWaiting(-waiting.size);
    for (const passenger of waiting) tell(passenger);
    waiting.clear();
  }

  function cancelUnlessAwaited(error: ProxyError): void {
    if (waiting.size > 0) return;
    end(() => undefined);
    cancel(error);
  }
}
