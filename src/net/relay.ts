/** An upstream's answer on its way to the client, and a client's content on its way up. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { Readable } from "node:stream";

import type { LocalAnswer } from "../http/problem.ts";
import type { AnswerHead } from "../http/answer-head.ts";
import type { Gather } from "./gather.ts";
import type { Content } from "./upstream/call.ts";
import { toClientFields } from "../http/answer.ts";
import { ProxyError } from "../http/errors.ts";
import { toTrailers } from "../http/headers.ts";

/**
 * Writes an answer's content with backpressure: the upstream is read no faster than the client takes it.
 *
 * Rejects with the ProxyError of an upstream that breaks off; the answer must then be left visibly unfinished (RFC 9112 §8).
 */
export function relayContent(
  content: Content,
  response: ServerResponse,
  gather: Gather,
): Promise<void> {
  const whole = content.whole();
  if (whole !== undefined) {
    gather(() => response.end(whole, "latin1"));
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    content.read({
      onChunk(chunk) {
        hasBegun = true;
        if (!writeNow(response, chunk)) {
          content.pause();
          response.once("drain", content.resume);
        }
        return response.writableLength > 0;
      },
      onEnd(rawTrailers) {
        if (rawTrailers.length > 0) response.addTrailers(toTrailers(rawTrailers));
        response.end();
        resolve();
      },
      onError: reject,
    });
    // Node keeps the header section back for the first piece of content, which may be long in coming.
    if (!hasBegun && !response.writableEnded) flushHead(response);
  });
}

// Node would hold the chunk back for the rest of the turn, and its memory with it.
function writeNow(response: ServerResponse, chunk: Buffer): boolean {
  const { socket } = response;
  socket?.cork();
  const takesMore = response.write(chunk);
  socket?.uncork();
  return takesMore;
}

/** Writes an answer's content from a stream, as `relayContent` does; `rawTrailers` are known at its end. */
export function relayStream(
  body: Readable,
  rawTrailers: () => readonly string[],
  response: ServerResponse,
): Promise<void> {
  return new Promise((resolve, reject) => {
    body
      .on("error", reject)
      .once("aborted", () => reject(new ProxyError("http_response_incomplete")));
    response.once("close", () =>
      response.writableFinished ? resolve() : reject(new ProxyError("client_gone")),
    );
    body.on("data", (chunk: Buffer) => {
      if (!response.write(chunk)) body.pause();
    });
    response.on("drain", () => body.resume());
    body.once("end", () => {
      const trailers = toTrailers(rawTrailers());
      if (trailers.length > 0) response.addTrailers(trailers);
      response.end();
    });
  });
}

/** Sends an answer of headgate's own; node leaves the content out where the request was a HEAD. */
export function answerLocally(
  { status, fields, body, connection }: LocalAnswer,
  response: ServerResponse,
): void {
  if (connection === "close") response.shouldKeepAlive = false;
  // Said aloud: node would keep the reason of an upstream's answer that it has refused to write.
  response.writeHead(status, STATUS_CODES[status] ?? "", [...fields]);
  response.end(body, "latin1");
}

/**
 * Ends an answer so that nobody can take it for complete (RFC 9112 §8): the connection is cut short of what was announced.
 * Where the end of the connection is the end of the content (HTTP/1.0), only a reset can tell.
 */
export function breakOff(response: ServerResponse): void {
  const { socket } = response;
  const hasEnd = response.req.httpVersion !== "1.0";
  if (hasEnd || socket === null || socket.remoteAddress === undefined) response.destroy();
  else socket.resetAndDestroy();
}

/** Sends an interim answer (RFC 9110 §15.2) raw: node's own ways of writing one rename fields, or are not there before 24.21. */
export function relayInterim(interim: AnswerHead, response: ServerResponse): void {
  // Without a socket it is not this answer's turn yet: an interim answer that comes too early would belong to another request.
  if (response.socket === null || response.headersSent || response.req.httpVersion === "1.0")
    return;
  // 100 (Continue) was said here already where it was asked for, when the upstream began to read.
  if (interim.status === 100 && response.req.headers.expect !== undefined) return;
  const fields = toClientFields(interim.status, "1.1", interim.fields);
  let head = `HTTP/1.1 ${interim.status} ${interim.reason}\r\n`;
  for (let index = 0; index < fields.length; index += 2)
    head += `${fields[index]}: ${fields[index + 1]}\r\n`;
  response.socket.write(`${head}\r\n`, "latin1");
}

/**
 * A request's content as a stream that may be given up without harm: the upstream side destroys what it was reading when an
 * answer comes early, and destroying the request itself would take the client's connection, and that answer, with it.
 *
 * A client that expects 100 (Continue) hears it when the upstream begins to read; one that never does gets its answer with
 * `Connection: close`, because nobody can know whether it will still send the content (RFC 9110 §10.1.1).
 */
export function toContent(
  request: IncomingMessage,
  response: ServerResponse,
  { expectsContinue }: { readonly expectsContinue: boolean },
): Readable {
  const { shouldKeepAlive } = response;
  let isAwaited = expectsContinue;
  if (isAwaited) response.shouldKeepAlive = false;
  const content = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      if (isAwaited) {
        isAwaited = false;
        response.shouldKeepAlive = shouldKeepAlive;
        if (!response.headersSent) response.writeContinue();
      }
      request.resume();
    },
    destroy(error, callback) {
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      request.resume(); // what the client still sends is read and dropped, within the server's limit
      callback(error);
    },
  });
  const onData = (chunk: Buffer): void => {
    if (!content.push(chunk)) request.pause();
  };
  const onEnd = (): void => {
    content.push(null); // oxlint-disable-line unicorn/no-null -- how a stream is told its end
  };
  const onClose = (): void => {
    // A request that came whole closes as well, and may do so before its content is read to the end here.
    if (!request.readableEnded) content.destroy(new ProxyError("client_gone"));
  };
  request.on("data", onData).on("end", onEnd).on("close", onClose);
  request.pause();
  // Where the answer is over before the content is, nobody reads that any more; kept back, it would hold up the connection.
  response.once("close", () => content.destroy());
  // Whoever reads it may have let go already, and an error that nobody hears ends the process.
  content.on("error", () => undefined);
  return content;
}

/** Sends the header section by itself. Node's own `flushHeaders` writes it as UTF-8, which doubles every byte above 0x7f. */
export function flushHead(response: ServerResponse): void {
  response.write("", "latin1");
}
