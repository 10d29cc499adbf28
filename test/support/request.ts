/** Requests as bytes, and the shortest way to one answer. */

import { type ReceivedResponse, type Cleanup, openWire } from "./wire.ts";

/** `start` is "GET /x"; a version, Host and the empty line are added where they are missing. */
export function toRequest(start: string, lines: readonly string[] = [], body = ""): string {
  const startLine = / HTTP\/\d\.\d$/.test(start) ? start : `${start} HTTP/1.1`;
  const host = lines.some((line) => /^host:/i.test(line)) ? [] : ["Host: a.example"];
  return [startLine, ...host, ...lines, "", body].join("\r\n");
}

/** Sends bytes on a connection of their own and reads one final answer. */
export async function ask(t: Cleanup, port: number, bytes: string): Promise<ReceivedResponse> {
  const wire = await openWire(t, port);
  wire.write(bytes);
  const answer = await wire.readResponse(bytes.slice(0, bytes.indexOf(" ")));
  wire.socket.destroy();
  return answer;
}
