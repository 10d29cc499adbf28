/** Tests of what does not depend on the version of HTTP: each runs over HTTP/1.1 and over HTTP/2. */

import test, { type TestContext } from "node:test";

import { LISTEN_HTTP2, sendRequestOverHttp2 } from "./http2.ts";
import { sendRequest } from "./request.ts";
import { type Sidecar, type SidecarOptions, startSidecar } from "./sidecar.ts";
import type { Cleanup, ReceivedResponse } from "./wire.ts";

/** What a test uses in place of `startSidecar` and `sendRequest`. */
export interface OverVersion {
  startSidecar(t: TestContext, options: SidecarOptions): Promise<Sidecar>;
  /** Sends a request that is written as HTTP/1.1. Names in a response over HTTP/2 are lower-case. */
  sendRequest(t: Cleanup, port: number, bytes: string): Promise<ReceivedResponse>;
  readonly version: "1.1" | "2";
}

const OVER_HTTP2: OverVersion = {
  version: "2",
  startSidecar: (t, { yaml = "", ...others }) =>
    startSidecar(t, { ...others, yaml: `${LISTEN_HTTP2}\n${yaml}` }),
  sendRequest: sendRequestOverHttp2,
};

/** Registers a test for each version. */
export function testOverVersions(
  title: string,
  run: (t: TestContext, over: OverVersion) => Promise<void>,
): void {
  test(title, (t) => run(t, { version: "1.1", startSidecar, sendRequest }));
  test(`${title}, over HTTP/2`, (t) => run(t, OVER_HTTP2));
}
