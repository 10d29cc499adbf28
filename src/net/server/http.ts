/** Node's HTTP server as it is set up here, and responses that it did not make. The door of node:http. */

import {
  type IncomingMessage,
  type Server as HttpServer,
  ServerResponse,
  createServer as createHttpServer,
} from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { ServerLimits } from "../server.ts";
import { readOn } from "./ending.ts";

/** Node's server with every default that matters said aloud. */
export function createHttp({ headerBytes, headerMs, keepAliveMs }: ServerLimits): HttpServer {
  const http = createHttpServer({
    maxHeaderSize: headerBytes,
    headersTimeout: headerMs,
    // Two reads of the upstream: with node's 16 KiB every chunk of a download stops the upstream and starts it again.
    highWaterMark: 128 * 1024,
    requestTimeout: 0, // would cut long uploads; a stalled one is cut by the idle limit of its route
    connectionsCheckingInterval: Math.min(1_000, Math.max(50, headerMs / 4)),
    keepAliveTimeout: keepAliveMs,
    requireHostHeader: false, // checked in http/target.ts, with a better answer
    insecureHTTPParser: false, // said out loud, so that NODE_OPTIONS cannot say otherwise
  });
  http.maxHeadersCount = 0; // node drops fields beyond its count without a word; http/request.ts refuses them
  return http;
}

/** A response on a socket that was taken off HTTP; the connection ends with it. */
export function openResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  // node passes a socket's `drain` on to its response only for connections that are still HTTP's.
  socket.on("drain", () => response.emit("drain"));
  response.shouldKeepAlive = false;
  // Nor does it end the connection after the answer.
  response.once("finish", () => {
    socket.end();
    readOn(socket as Socket);
  });
  return response;
}
