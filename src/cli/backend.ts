/** The demo's backend: it answers GET and refuses HEAD, as a FastAPI app does. */

import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers GET of any path with 15 bytes of JSON, and every other method with FastAPI's 405. */
export function answerGetOnly(request: IncomingMessage, response: ServerResponse): void {
  const isGet = request.method === "GET";
  const body = isGet ? '{"status":"ok"}' : '{"detail":"Method Not Allowed"}';
  const fields = ["content-length", String(body.length), "content-type", "application/json"];
  response.writeHead(isGet ? 200 : 405, isGet ? fields : ["allow", "GET", ...fields]);
  response.end(body);
}
