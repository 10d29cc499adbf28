/** Requests as bytes, and a function that sends one. */

import { type ReceivedResponse, type Cleanup, openWire } from "./wire.ts";

/** `start` is "GET /x"; a missing version, Host and empty line are added. */
export function toRequest(start: string, lines: readonly string[] = [], body = ""): string {
  const startLine = / HTTP\/\d\.\d$/.test(start) ? start : `${start} HTTP/1.1`;
  const host = lines.some((line) => /^host:/i.test(line)) ? [] : ["Host: a.example"];
  return [startLine, ...host, ...lines, "", body].join("\r\n");
}

/** Sends bytes on a new connection and reads one final response. */
export async function sendRequest(
  t: Cleanup,
  port: number,
  bytes: string,
): Promise<ReceivedResponse> {
  const wire = await openWire(t, port);
  wire.write(bytes);
  const answer = await wire.readResponse(bytes.slice(0, bytes.indexOf(" ")));
  wire.socket.destroy();
  return answer;
}
