/** Server-sent events for status pages: bounded, and never in the way of traffic. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import test, { type TestContext } from "node:test";

import {
  createEventStream,
  type EventStream,
  type EventStreamOptions,
} from "../../src/ops/status/events.ts";
import { listen } from "../support/server.ts";

interface Served {
  readonly live: EventStream;
  readonly url: string;
  readonly port: number;
}

async function serve(t: TestContext, options: Partial<EventStreamOptions> = {}): Promise<Served> {
  const live = createEventStream({
    sample: () => undefined,
    frame: () => "{}",
    intervalMs: 5,
    ...options,
  });
  t.after(live.stop);
  const { port, url } = await listen(t, (_request, response) => {
    if (live.open(response) === "open") return;
    response.writeHead(503, "Service Unavailable", ["Content-Length", "0"]);
    response.end();
  });
  live.start();
  return { live, port, url };
}

/** Reads events until `enough` of them have arrived. */
async function readEvents(response: Response, enough: number): Promise<readonly string[]> {
  const decoder = new TextDecoder();
  let text = "";
  assert.ok(response.body);
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const events = text.split("\n\n");
    if (events.length > enough) return events.slice(0, enough);
  }
  return text.split("\n\n");
}

test("a subscriber gets a frame at once and one at each interval", async (t) => {
  let count = 0;
  const { url } = await serve(t, { frame: () => `{"frame":${(count += 1)}}` });
  const response = await fetch(url);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = await readEvents(response, 3);
  assert.match(events[0] ?? "", /^retry: \d+\ndata: \{"frame":\d+\}$/);
  assert.match(events[2] ?? "", /^data: \{"frame":\d+\}$/);
  assert.notEqual(events[1], events[2]);
});

test("each second is sampled even without a subscriber; frames are made only for subscribers", async (t) => {
  let frames = 0;
  await new Promise<void>((resolve, reject) => {
    let samples = 0;
    serve(t, {
      sample: () => {
        if ((samples += 1) === 3) resolve();
      },
      frame: () => {
        frames += 1;
        return "{}";
      },
    }).catch(reject);
  });
  assert.equal(frames, 0);
});

test("the seventeenth subscriber is refused, and a slot that becomes free is used again", async (t) => {
  const { url } = await serve(t);
  const leave = new AbortController();
  const all = await Promise.all(
    Array.from({ length: 16 }, () => fetch(url, { signal: leave.signal })),
  );
  assert.ok(all.every(({ status }) => status === 200));
  assert.equal((await fetch(url)).status, 503);
  leave.abort();
  let status = 503;
  while (status === 503) ({ status } = await fetch(url));
  assert.equal(status, 200);
});

test("a subscriber that does not read is disconnected, and nothing piles up for it", async (t) => {
  let piled = 0;
  const frame = JSON.stringify("x".repeat(200_000));
  const live = createEventStream({ sample: () => undefined, frame: () => frame, intervalMs: 5 });
  let over: () => void;
  const isOver = new Promise<void>((resolve) => (over = resolve));
  t.after(live.stop);
  const { port } = await listen(t, (_request, response) => {
    response.onOver(over);
    const { write } = response;
    // How often headgate wrote to it while bytes waited.
    response.write = (bytes) => {
      if (response.isPending()) piled += 1;
      return write.call(response, bytes);
    };
    live.open(response);
  });
  live.start();
  const client = connect(port, "127.0.0.1").pause();
  t.after(() => client.destroy());
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await isOver;
  assert.equal(piled, 0, "at most one frame waits");
});

test("the end of headgate ends every subscriber's response", async (t) => {
  const { live, url } = await serve(t);
  const response = await fetch(url);
  live.stop();
  assert.match(await response.text(), /^retry: /);
  assert.equal((await fetch(url)).status, 503);
});
