/** One headgate before two upstreams, of which each request and each log line can be told apart. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/types.ts";
import { fieldValues } from "./message.ts";
import { type Arrival, startOrigin } from "./origin.ts";
import { toChunk, toHead } from "./responses.ts";
import { makeDirectory } from "./route-file.ts";
import { type LogLine, startSidecar } from "./sidecar.ts";
import { type ReceivedResponse, openWire } from "./wire.ts";

/** How both upstreams respond. */
export interface Backend {
  /** The status of the response to a HEAD. */
  readonly headStatus: number;
  readonly isChunked: boolean;
  readonly servesRanges: boolean;
  readonly switchesProtocols: boolean;
  /** Field lines of every final response. */
  readonly lines: readonly string[];
}

/** What one request has led to. */
export interface Outcome {
  readonly response: ReceivedResponse;
  readonly arrivals: readonly (readonly [upstream: string, arrival: Arrival])[];
  /** Its line in the access log. */
  readonly line: LogLine;
}

/** The headgate and its upstreams, `default` and `second`. */
export interface ExplainedWorld {
  /** The directory of the route file, `f.yaml`. */
  readonly directory: string;
  /** Applies a configuration that takes over nothing from the previous one: no connection and nothing that was learnt about a route. */
  load(file: Readonly<Record<string, unknown>>, backend: Backend): Promise<Config>;
  /** Sends a request on a new connection, and waits for its log line. */
  send(method: string, bytes: string): Promise<Outcome>;
}

/** The content of each response of the upstreams. */
export const CONTENT = "content";

/** Starts the headgate and its upstreams; the end of the test stops them. */
export async function startExplainedWorld(t: TestContext): Promise<ExplainedWorld> {
  let backend: Backend;
  let count = 0;
  const known = new Set<LogLine>();
  const script = (arrival: Arrival) => respond(arrival, backend);
  const origins = [
    ["default", await startOrigin(t, script)],
    ["second", await startOrigin(t, script)],
  ] as const;
  const [{ url }, { url: secondUrl }] = [origins[0][1], origins[1][1]];
  const sidecar = await startSidecar(t, { upstream: url });
  const directory = await makeDirectory(t, {});

  return {
    directory,
    async load(file, nextBackend) {
      backend = nextBackend;
      count += 1;
      const responseTimeout = `${count}m`; // no two configurations have the same upstreams
      const written = {
        listen: "127.0.0.1:0",
        admin: "127.0.0.1:0",
        log: { access: "all" },
        upstream: { url, responseTimeout },
        upstreams: {
          second: { url: secondUrl, keepAlive: "0s", host: "upstream", responseTimeout },
        },
        ...file,
      };
      await writeFile(join(directory, "f.yaml"), JSON.stringify(written));
      const { config } = await loadConfig({ flags: { config: "f.yaml" }, env: {}, cwd: directory });
      sidecar.app.reload(config);
      return config;
    },
    async send(method, bytes) {
      const before = origins.map(([, { arrivals }]) => arrivals.length);
      const wire = await openWire(t, sidecar.port);
      wire.write(bytes);
      let response: ReceivedResponse;
      do response = await wire.readResponse(method);
      while (response.status === 100);
      wire.socket.destroy();
      const line = await sidecar.line(
        (each) => each["duration_ms"] !== undefined && !known.has(each),
      );
      known.add(line);
      const arrivals = origins.flatMap(([name, origin], index) =>
        origin.arrivals.slice(before[index]).map((arrival) => [name, arrival] as const),
      );
      return { response, arrivals, line };
    },
  };
}

async function respond(arrival: Arrival, backend: Backend): Promise<void> {
  const isUpgraded = backend.switchesProtocols && fieldValues(arrival, "upgrade").length > 0;
  if (isUpgraded) {
    arrival.takeOver();
    void arrival.connection.closed.then(() => arrival.end()); // the tunnel ends with its client
  }
  if (fieldValues(arrival, "expect").length > 0) arrival.write(toHead("100 Continue", []));
  await arrival.completed;
  if (isUpgraded)
    arrival.write(toHead("101 Switching Protocols", ["Connection: Upgrade", "Upgrade: websocket"]));
  else if (backend.servesRanges && fieldValues(arrival, "range").join() === "bytes=0-0")
    arrival.write(toFirstByte(backend));
  else arrival.write(toWhole(arrival.method, backend));
}

function toFirstByte({ lines }: Backend): string {
  const own = [`Content-Range: bytes 0-0/${CONTENT.length}`, "Content-Length: 1"];
  return toHead("206 Partial Content", [...lines, ...own]) + CONTENT.slice(0, 1);
}

function toWhole(method: string, { headStatus, isChunked, lines }: Backend): string {
  const start = method === "HEAD" ? `${headStatus} Status` : "200 OK";
  const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${CONTENT.length}`;
  const content = isChunked ? `${toChunk(CONTENT)}0\r\n\r\n` : CONTENT;
  return toHead(start, [...lines, framing]) + (method === "HEAD" ? "" : content);
}
