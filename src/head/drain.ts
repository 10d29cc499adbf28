/** Gets rid of content that goes to no client: reads a little of it, so that the connection can be used again, or closes the connection. */

import type { BodyOutcome } from "../http/exchange.ts";
import type { ProxyError } from "../http/errors.ts";

/** The content of a response, as this file needs it. */
interface DrainableContent {
  /** The length of the content in bytes; undefined if it has not ended yet. */
  skipped(): number | undefined;
  skip(reader: {
    onBytes(length: number): void;
    onEnd(): void;
    onError(error: ProxyError): void;
  }): void;
  abort(): void;
}

/** What the header section says about the content that follows. */
export interface ContentInfo {
  readonly contentLength: number | undefined;
  readonly eventStream: boolean;
}

/** How many bytes to read, and for how many milliseconds, before the connection is closed. */
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

/** The result: `bytes` is the number of bytes that were read and dropped. */
export interface Drained {
  readonly body: BodyOutcome;
  readonly bytes: number;
}

/** Drains the content of one response. Never rejects: if the upstream fails in this content, no client is affected. */
export type Drain = (
  content: DrainableContent,
  contentInfo: ContentInfo,
  limits: DrainLimits,
) => Promise<Drained>;

/**
 * Creates a drain. At most `maxDraining` responses are drained at one time; further ones are aborted.
 *
 * To drain a small body costs less than a new TCP connection. The cost of a large or endless body is unbounded. The header section usually
 * shows which of the two it is.
 */
export function createDrain(maxDraining: number): Drain {
  let draining = 0;

  return (content, contentInfo, limits) => {
    if (
      contentInfo.eventStream ||
      (contentInfo.contentLength ?? 0) > limits.bytes ||
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
    // Most small bodies came together with their header section and have ended by now. Only the others need a timer. setImmediate lets the
    // event loop read the sockets first: after a long turn, the rest may have arrived already.
    if (!isOver) timer = setTimeout(() => setImmediate(onTimeout), limits.time);
  });
}
