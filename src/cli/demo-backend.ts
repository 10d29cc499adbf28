/** The demo's backend: it serves GET and refuses HEAD, as a FastAPI app does. */

import type { ServerRequest, ServerResponse } from "../server/server-handler.ts";

/** Responds to GET of any path with 15 bytes of JSON, and to every other method with FastAPI's 405. */
export function respondToGetOnly(request: ServerRequest, response: ServerResponse): void {
  const isGet = request.method === "GET";
  const body = isGet ? '{"status":"ok"}' : '{"detail":"Method Not Allowed"}';
  const fields = ["content-length", String(body.length), "content-type", "application/json"];
  if (isGet) response.writeHead(200, "OK", fields);
  else response.writeHead(405, "Method Not Allowed", ["allow", "GET", ...fields]);
  response.end(body);
}
