/** The content that nobody will see: read a little, so that the connection can serve again, or cut it off. */

import type { BodyOutcome } from "../http/exchange.ts";
import type { ProxyError } from "../http/errors.ts";

/** The content of an answer, as this file needs it. */
interface DrainableContent {
  /** How many bytes it had, where it has ended already. */
  skipped(): number | undefined;
  skip(reader: {
    onBytes(length: number): void;
    onEnd(): void;
    onError(error: ProxyError): void;
  }): void;
  abort(): void;
}

/** What the header section says of the content to come. */
export interface ContentInfo {
  readonly contentLength: number | undefined;
  readonly eventStream: boolean;
}

/** How much to read and for how long before the connection is given up: bytes and milliseconds. */
export interface DrainLimits {
  readonly bytes: number;
  readonly time: number;
}

/** The smallest limits for a connection that carries a login (NTLM, Negotiate). */
const LOGIN_LIMITS: DrainLimits = { bytes: 1024 * 1024, time: 5_000 };

/** Returns the limits for a connection that carries a login: closing it would lose the login. */
export function toLoginLimits({ bytes, time }: DrainLimits): DrainLimits {
  return { bytes: Math.max(bytes, LOGIN_LIMITS.bytes), time: Math.max(time, LOGIN_LIMITS.time) };
}

/** What became of it. `bytes` were read in vain. */
export interface Drained {
  readonly body: BodyOutcome;
  readonly bytes: number;
}

/** Gets rid of the content of one answer. Never rejects: an upstream that dies in content nobody sees has harmed nobody. */
export type Drain = (
  content: DrainableContent,
  announced: ContentInfo,
  limits: DrainLimits,
) => Promise<Drained>;

/**
 * Creates the rule by which content is discarded.
 *
 * Draining a small body costs less than a new TCP connection, draining a large or endless one costs without bound, and the
 * header section mostly tells which it is. At most `mostDraining` are drained at one time; the next is cut off.
 */
export function createDrain(maxDraining: number): Drain {
  let draining = 0;

  return (content, announced, limits) => {
    if (
      announced.eventStream ||
      (announced.contentLength ?? 0) > limits.bytes ||
      draining >= maxDraining
    ) {
      content.abort();
      return Promise.resolve({ body: "aborted", bytes: 0 });
    }
    const bytes = content.skipped();
    if (bytes !== undefined && bytes <= limits.bytes)
      return Promise.resolve({ body: bytes === 0 ? "none" : "drained", bytes });
    draining += 1;
    return readToEnd(content, limits).finally(() => {
      draining -= 1;
    });
  };
}

function readToEnd(content: DrainableContent, limits: DrainLimits): Promise<Drained> {
  return new Promise((resolve) => {
    let bytes = 0;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    const finish = (body: BodyOutcome): void => {
      isOver = true;
      clearTimeout(timer);
      resolve({ body, bytes });
    };
    const cut = (): void => {
      content.abort();
      finish("aborted");
    };
    content.skip({
      onBytes(length) {
        if (isOver) return;
        bytes += length;
        if (bytes > limits.bytes) cut();
      },
      onEnd: () => finish(bytes === 0 ? "none" : "drained"),
      onError: () => finish("aborted"),
    });
    const onTimeout = (): void => {
      if (!isOver) cut();
    };
    // Most small bodies came with their header section and are over by now; only the others need a clock. setImmediate lets the event
    // loop read the sockets first: after a long turn, the rest may have arrived already.
    if (!isOver) timer = setTimeout(() => setImmediate(onTimeout), limits.time);
  });
}
