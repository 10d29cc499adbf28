/** The session of node:http2 below a connection: how it begins, fails and ends. The door of node:http2. */

import { type ServerHttp2Session, constants, performServerHandshake } from "node:http2";
import type { Socket } from "node:net";

import type { AcceptedConnection } from "../client-connection.ts";
import { toSessionOptions } from "./settings.ts";

/** Error codes (RFC 9113 §7). */
export const CODES = {
  noError: constants.NGHTTP2_NO_ERROR,
  protocolError: constants.NGHTTP2_PROTOCOL_ERROR,
  refusedStream: constants.NGHTTP2_REFUSED_STREAM,
  enhanceYourCalm: constants.NGHTTP2_ENHANCE_YOUR_CALM,
} as const;

/** The flag of a frame that ends its side of the stream (RFC 9113 §6.1). */
export const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;

/** A session of node:http2, which is closed and destroyed later than Node does it, when no frame is being read. */
export interface OpenSession {
  readonly session: ServerHttp2Session;
  /** Closes it in order. To be called when no stream is open, and not while frames are read. */
  closeNow(): void;
}

/**
 * Begins HTTP/2 on a socket. `onLeave` is called when Node would close the session.
 *
 * Symptom: frames that follow a GOAWAY in one read ended the process, by an assertion of Node 22 or of nghttp2 in Node 20, or with a heap
 * that was corrupted.
 * Root cause: node:http2 destroys a session while nghttp2 reads frames for it: at a GOAWAY with an error, and where its caller does. At a
 * GOAWAY without an error it closes the session. It then resets each stream that begins, before nghttp2 has read its header section to
 * the end, and nghttp2 goes on with a stream that is freed.
 * Fix: a session is destroyed after the read. It is never closed while a stream may begin: Node closes and destroys it in one turn.
 */
export function openSession(
  { socket, transport }: Pick<AcceptedConnection, "socket" | "transport">,
  headerBytes: number,
  { onError, onLeave }: { onError: (error: Error) => void; onLeave: () => void },
): OpenSession {
  const session = performServerHandshake(socket, toSessionOptions(headerBytes));
  const destroy = session.destroy.bind(session);
  const close = session.close.bind(session);
  session.destroy = (error?: Error, code?: number) => {
    const end = (): void => {
      if (error instanceof Error) onError(error);
      setImmediate(() => destroy(error, code));
    };
    if (isReport(error)) setImmediate(() => checkGivenUp(session, transport, end));
    else end();
  };
  session.close = onLeave; // Node calls it at the client's GOAWAY
  return {
    session,
    closeNow() {
      session.destroy = destroy;
      close();
    },
  };
}

/** nghttp2's numbers for a broken rule, and for a frame on a closed stream. */
const REPORTS: ReadonlySet<unknown> = new Set([-505, -510]);

/** Whether nghttp2 only reports that the client broke a rule. It has done what RFC 9113 §5.4 requires: it resets the stream or sends a GOAWAY. */
function isReport(error: NodeJS.ErrnoException | null | undefined): boolean {
  return REPORTS.has(error?.errno);
}

/** How long a PING may take to leave. It waits for a write that is in progress. */
const PING_MS = 50;

/** Calls back if nghttp2 has given a session up: then a PING does not leave. Otherwise the client's other streams go on. */
function checkGivenUp(session: ServerHttp2Session, transport: Socket, onGivenUp: () => void): void {
  if (session.destroyed) return;
  const { bytesWritten } = transport;
  if (!session.ping(() => undefined)) return onGivenUp(); // ten are not acknowledged
  setTimeout(() => {
    if (!session.destroyed && transport.bytesWritten === bytesWritten) onGivenUp();
  }, PING_MS).unref();
}
