/** Scripts for an origin with typical responses of a backend. */

import type { Arrival, Script } from "./origin.ts";

/** A header section: status line, fields, empty line. */
export function toHead(start: string, lines: readonly string[]): string {
  return [`HTTP/1.1 ${start}`, ...lines, "", ""].join("\r\n");
}

/** Responds with 200 and Content-Length once the request is complete; a HEAD gets only the fields. */
export function text(
  body: string,
  lines: readonly string[] = ["Content-Type: text/plain"],
): Script {
  return async (request) => {
    await request.completed;
    request.write(toHead("200 OK", [...lines, `Content-Length: ${Buffer.byteLength(body)}`]));
    writeBody(request, body);
  };
}

/** Sends 100 (Continue) at the header section, and then runs `script`. */
export function agreeing(script: Script): Script {
  return async (request) => {
    request.write("HTTP/1.1 100 Continue\r\n\r\n");
    await script(request);
  };
}

/** Responds with 200 in chunks, one for each of `parts`, with `trailers` after them. */
export function chunked(parts: readonly string[], trailers: readonly string[] = []): Script {
  return async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Content-Type: text/plain", "Transfer-Encoding: chunked"]));
    const end = ["0", ...trailers, "", ""].join("\r\n");
    writeBody(request, [...parts.map(toChunk), end].join(""));
  };
}

/** Sends an endless event stream: an event every few milliseconds until the connection closes. */
export function sse(): Script {
  return async (request) => {
    await request.completed;
    request.write(
      toHead("200 OK", ["Content-Type: text/event-stream", "Transfer-Encoding: chunked"]),
    );
    const timer = setInterval(() => writeBody(request, toChunk("data: tick\n\n")), 5);
    await request.connection.closed;
    clearInterval(timer);
  };
}

/** Sends the header section at once, and the body when `release` resolves. */
export function slow(body: string, release: Promise<unknown>): Script {
  return async (request) => {
    await request.completed;
    request.write(toHead("200 OK", [`Content-Length: ${Buffer.byteLength(body)}`]));
    await Promise.race([release, request.connection.closed]);
    if (!request.connection.socket.destroyed) writeBody(request, body);
  };
}

/** Responds to HEAD as FastAPI does, byte for byte, and runs `script` for all other methods. */
export function getOnly(script: Script): Script {
  return async (request) => {
    if (request.method !== "HEAD") return script(request);
    await request.completed;
    const lines = ["allow: GET", "content-length: 31", "content-type: application/json"];
    request.write(toHead("405 Method Not Allowed", lines));
  };
}

/** One chunk of a chunked body. */
export function toChunk(part: string): string {
  return `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`;
}

function writeBody(request: Arrival, body: string): void {
  if (request.method !== "HEAD") request.write(Buffer.from(body));
}
