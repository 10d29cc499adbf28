/** Proxies with known faults, which the fuzzer must detect. */

import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { CERTIFICATE, KEY } from "../../test/support/certificate.ts";
import type { Duplex } from "node:stream";
import type { Target } from "./rig.ts";

/** A known fault. */
export type Flaw =
  /** Removes the framing of a GET, but sends its content (GHSA-ggv3-7p47-pfv8). */
  | "unframed content"
  /** Copies Content-Length and Transfer-Encoding unchanged. */
  | "copied framing"
  /** Gives each client the response to the previous request. */
  | "mixed answers"
  /** Ends an incomplete response as if it were complete. */
  | "false ends"
  /** Serves clients without TLS on the port for TLS. */
  | "no TLS"
  /** Tells the upstream of a client with TLS that it came without. */
  | "a false scheme";

/** Starts a proxy with a flaw, on a lenient parser. */
export async function startNaive(
  flaw: Flaw,
  upstreamPort: number,
  isSecure = false,
): Promise<Target> {
  let before: string | undefined;
  const options = { insecureHTTPParser: true, cert: CERTIFICATE, key: KEY };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    void forward(request, flaw, upstreamPort).then(
      (answer) => {
        const told = flaw === "mixed answers" ? (before ?? answer) : answer;
        before = answer;
        write(response, told);
      },
      () => response.destroy(), // the client has left
    );
  };
  const server =
    isSecure && flaw !== "no TLS"
      ? createSecureServer(options, listener)
      : createServer(options, listener);
  server.on("clientError", (_error: Error, socket: Duplex) => {
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    isSecure,
    reading: "tolerant",
    complaint: () => undefined,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Sends one request on its own connection; resolves with all bytes that came back. */
async function forward(request: IncomingMessage, flaw: Flaw, port: number): Promise<string> {
  const content: Buffer[] = [];
  for await (const chunk of request) content.push(chunk as Buffer);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const isUnframed = flaw === "unframed content" && method === "GET";
  let head = `${method} ${request.url} HTTP/1.1\r\n`;
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? "";
    if (!isUnframed || !/^(content-length|transfer-encoding)$/i.test(name))
      head += `${name}: ${request.rawHeaders[index + 1]}\r\n`;
  }
  const scheme = "encrypted" in request.socket && flaw !== "a false scheme" ? "https" : "http";
  head += `X-Forwarded-For: ${request.socket.remoteAddress}\r\nX-Forwarded-Proto: ${scheme}\r\n\r\n`;
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(head, "latin1");
  socket.end(Buffer.concat(content));
  let answer = "";
  socket.on("error", () => undefined);
  for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
  return answer;
}

/** Writes all bytes after the header section as content, up to the maximum. */
function write(response: ServerResponse, answer: string): void {
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  for (const [name] of [["X-Seq"], ["X-Case"]] as const) {
    const value = new RegExp(`^${name}: (.*)\r$`, "im").exec(answer)?.[1];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(Number(/^HTTP\/1\.1 ([2-5]\d\d) /.exec(answer)?.[1] ?? 502));
  response.end(body, "latin1");
}
