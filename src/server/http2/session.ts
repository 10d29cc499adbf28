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

/** A session of node:http2. headgate ends it later than Node would: when no frame is being read. */
export interface OpenSession {
  /** Its `goaway` names the last stream that has begun, and does nothing when one was sent. */
  readonly session: ServerHttp2Session;
  /** Sends a PING, as `sendPing` below. */
  ping: SendPing;
  /** Whether a stream is behind the one that the GOAWAY named. */
  isBehindGoaway(stream: { readonly id?: number | undefined }): boolean;
  /**
   * Sends a GOAWAY and ends the session in order. To be called when no stream is open, and not while frames are read. Returns false, and
   * changes nothing else, as long as the GOAWAY has not left: until then a stream may begin.
   */
  tryClose(): boolean;
}

/**
 * Begins HTTP/2 on a socket. `onLeave` is called when Node would close the session.
 *
 * node:http2 would close the session at a GOAWAY without an error, and destroy it at one with an error, while nghttp2 is still reading
 * frames. Both are unsafe: an assertion ends the process, or nghttp2 uses a stream that Node has freed, because a session that is closed
 * and not yet destroyed resets each stream that begins. So headgate destroys a session only after the read, and closes it only in the
 * same turn.
 */
export function openSession(
  { socket, transport }: Pick<AcceptedConnection, "socket" | "transport">,
  headerBytes: number,
  { onError, onLeave }: { onError: (error: Error) => void; onLeave: () => void },
): OpenSession {
  const session = performServerHandshake(socket, toSessionOptions(headerBytes));
  const destroy = session.destroy.bind(session);
  const close = session.close.bind(session);
  const ping: SendPing = (onAcknowledged) => sendPing(session, transport, onAcknowledged);
  session.destroy = (error?: Error, code?: number) => {
    const end = (): void => {
      if (error instanceof Error) onError(error);
      setImmediate(() => destroy(error, code));
    };
    if (isReport(error)) setImmediate(() => checkGivenUp(session, ping, end));
    else end();
  };
  session.close = onLeave; // Node calls it at the client's GOAWAY
  // RFC 9113 §6.8: a second one must not name a later stream. Node's, at the close, would.
  const goaway = session.goaway.bind(session);
  let lastServed: number | undefined;
  session.goaway = (code) => {
    if (lastServed !== undefined) return;
    lastServed = session.state.lastProcStreamID ?? 0;
    goaway(code, lastServed);
  };
  return {
    session,
    ping,
    isBehindGoaway: ({ id = 0 }) => id > (lastServed ?? Infinity),
    tryClose() {
      session.goaway(CODES.noError);
      if ((session.state.outboundQueueSize ?? 0) > 0) return false;
      session.destroy = destroy;
      close(); // so that Node waits for the client's FIN
      destroy();
      return true;
    },
  };
}

/** Error codes of nghttp2 (nghttp2.h): a broken rule, and a frame on a closed stream. */
const REPORTS: ReadonlySet<unknown> = new Set([-505, -510]);

/** Whether nghttp2 only reports that the client broke a rule: it has already reset the stream or sent a GOAWAY (RFC 9113 §5.4). */
function isReport(error: NodeJS.ErrnoException | null | undefined): boolean {
  return REPORTS.has(error?.errno);
}

/** Sends a PING, and returns the function that tells whether it has left; undefined if Node sends none. */
type SendPing = (onAcknowledged: () => void) => (() => boolean) | undefined;

/**
 * Sends a PING, which shows whether nghttp2 has given the session up: then it sends nothing, and the PING does not leave. Node sends none
 * while ten are not acknowledged.
 */
function sendPing(
  session: ServerHttp2Session,
  transport: Socket,
  onAcknowledged: () => void,
): ReturnType<SendPing> {
  const { bytesWritten } = transport;
  return session.ping(onAcknowledged) ? () => transport.bytesWritten !== bytesWritten : undefined;
}

/** How long a PING may take to leave: a write in progress delays it. */
const PING_MS = 50;

/**
 * Calls `onGivenUp` if nghttp2 has given the session up because of the mistake that it reports. Otherwise the client's other streams go on.
 *
 * Node 20 gives up without a report: for it, `isGivenUp` in connection.ts looks at silent clients. The two cannot be one. This one must
 * end the connection at once and, because the client made a mistake, also if the client is slow to read. That one must not end the
 * connection of a client that only reads slowly, so it has to wait until the client has acknowledged all bytes.
 */
function checkGivenUp(session: ServerHttp2Session, ping: SendPing, onGivenUp: () => void): void {
  if (session.destroyed) return;
  const hasLeft = ping(() => undefined);
  if (hasLeft === undefined) return onGivenUp();
  setTimeout(() => {
    if (!session.destroyed && !hasLeft()) onGivenUp();
  }, PING_MS).unref();
}
