/** What one HTTP/2 connection may cost. */

import type { SessionOptions } from "node:http2";

/** The number of requests of one connection at one time. */
const MAX_STREAMS = 100;

/** The content of one request that may arrive before headgate takes it, in bytes. */
const WINDOW_BYTES = 64 * 1024;

/** The memory of one connection in nghttp2 and Node, in megabytes; a new stream over it is refused. */
const MAX_SESSION_MEGABYTES = 16;

/** A response's header section is limited by the upstream's headerBytes. The default would refuse one of more than 64 KiB. */
const MAX_SENT_HEADER_BYTES = 4 * 1024 * 1024;

/** The size of a field beside its name and value (RFC 9113 §6.5.2). */
const FIELD_BYTES = 32;

/** Options of Node 22 and newer; Node 20 ignores them. */
interface NewerOptions {
  /** If true, nghttp2 drops a field with blanks around its value without an error, and the request goes on without the field. */
  readonly strictFieldWhitespaceValidation: boolean;
}

/**
 * Returns the options of a connection.
 *
 * A header section of twice `headerBytes` is still read, so that it gets a 431. Beyond that, Node resets its stream (ENHANCE_YOUR_CALM) and
 * keeps nothing of it.
 */
export function toSessionOptions(headerBytes: number): SessionOptions & NewerOptions {
  const maxHeaderListSize = headerBytes * 2;
  return {
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize,
      enableConnectProtocol: true,
    },
    maxHeaderListPairs: Math.ceil(maxHeaderListSize / FIELD_BYTES),
    maxSendHeaderBlockLength: MAX_SENT_HEADER_BYTES,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    strictFieldWhitespaceValidation: false,
  };
}
