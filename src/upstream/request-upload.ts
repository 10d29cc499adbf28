/** Sends the content of one request to the upstream, with backpressure: headgate reads the client no faster than the upstream reads. */

import { toFieldLines } from "../http/wire/serialize.ts";
import type { ConnectionRequest, RequestContent } from "./connection-request.ts";
import type { UpstreamSocket } from "./socket.ts";

/**
 * `awaits_continue`: the client may wait for a 100 (Continue), and neither that nor content has come yet. `sending`: content is still to
 * come from the client, or to leave. `sent`: all of it has left.
 */
export type UploadState = "awaits_continue" | "sending" | "sent";

/** The content of one request on its way. */
export interface Upload {
  state(): UploadState;
  /** To be called when the upstream has sent a 100 (Continue). */
  onContinue(): void;
  /** To be called when the socket takes bytes again. */
  onDrain(): void;
  /** Drops the content that is still to come. No event comes after it. */
  stop(): void;
}

/** What happens to an upload. */
export interface UploadEvents {
  /** A chunk of `bytes` bytes came from the client. */
  onChunk(bytes: number): void;
  /** The upstream does not read. */
  onStuck(): void;
  /** The last byte has left. */
  onSent(): void;
  /** The client's content has no end. */
  onError(error: Error): void;
}

/** Begins to send `content`, behind the header section of its request. */
export function createUpload(
  content: RequestContent,
  { framing, expectsContinue }: Pick<ConnectionRequest, "framing" | "expectsContinue">,
  socket: Pick<UpstreamSocket, "write" | "isStuck">,
  events: UploadEvents,
): Upload {
  let state: UploadState = expectsContinue ? "awaits_continue" : "sending";
  /** All of it came from the client. */
  let isRead = false;
  let isStopped = false;

  content.on("data", (chunk: Buffer) => {
    state = "sending";
    events.onChunk(chunk.length);
    if (writeChunk(chunk)) return;
    content.pause();
    events.onStuck();
  });
  content.once("error", (error) => {
    if (!isStopped) events.onError(error);
  });
  content.once("end", () => {
    if (isStopped) return;
    state = "sending";
    isRead = true;
    if (framing === "chunked") socket.write(`0\r\n${toFieldLines(content.trailers)}\r\n`);
    if (!socket.isStuck()) finish();
  });

  return {
    state: () => state,
    onContinue() {
      state = "sending";
    },
    onDrain() {
      if (isRead) finish();
      else content.resume();
    },
    stop() {
      isStopped = true;
      if (state !== "sent") content.destroy();
    },
  };

  function writeChunk(chunk: Buffer): boolean {
    if (framing !== "chunked") return socket.write(chunk);
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    return socket.write("\r\n");
  }

  function finish(): void {
    if (state === "sent") return;
    state = "sent";
    events.onSent();
  }
}
