/** The live memory of a Node process: what it still uses after garbage collections. Measured from outside, through Node's inspector. */

import { once } from "node:events";
import { WebSocket } from "ws";

/** The option of node that opens the inspector, on a free port. */
export const INSPECTED = "--inspect=127.0.0.1:0";

/** The memory that is in use, in bytes. */
export interface LiveMemory {
  /** Objects in the heap. Compiled code does not count: V8 compiles for as long as it finds functions to optimize. */
  readonly objects: number;
  /** What objects hold outside the heap: buffers, sessions of TLS and of HTTP/2. */
  readonly external: number;
  /** The resident set. It also holds what malloc and V8 keep free. */
  readonly resident: number;
}

const EXPRESSION = `(() => {
  const code = process.getBuiltinModule("v8").getHeapCodeStatistics();
  const { heapUsed, external, rss } = process.memoryUsage();
  const compiled = code.code_and_metadata_size + code.bytecode_and_metadata_size;
  return { objects: heapUsed - compiled, external, resident: rss };
})()`;

/** A collection calls back into JavaScript, and the next one frees what the callbacks have released. */
const COLLECTIONS = 4;

/** The URL of the inspector, which node writes to standard error at its start; undefined if the line says something else. */
export function toInspectorUrl(line: string): string | undefined {
  return /Debugger listening on (ws:\S+)/.exec(line)?.[1];
}

/** Measures the process with that inspector. */
export async function measureLiveMemory(inspectorUrl: string): Promise<LiveMemory> {
  const socket = new WebSocket(inspectorUrl);
  await once(socket, "open");
  const looks: LiveMemory[] = [];
  for (let count = 0; count < COLLECTIONS; count += 1) {
    await call(socket, "HeapProfiler.collectGarbage");
    looks.push(await look(socket));
  }
  socket.close();
  await once(socket, "close");
  // The process works on between a collection and the look at its memory, so the smallest figure is the most exact one.
  const least = (key: keyof LiveMemory): number => Math.min(...looks.map((one) => one[key]));
  return {
    objects: least("objects"),
    external: least("external"),
    resident: least("resident"),
  };
}

async function look(socket: WebSocket): Promise<LiveMemory> {
  const params = { expression: EXPRESSION, returnByValue: true };
  const result = await call(socket, "Runtime.evaluate", params);
  return (result as { readonly result: { readonly value: LiveMemory } }).result.value;
}

/** Calls one method of the inspector and resolves with its result. One call at a time. */
async function call(socket: WebSocket, method: string, params: object = {}): Promise<unknown> {
  const ended = new AbortController();
  socket.once("close", () => ended.abort(new Error("the process ended")));
  const received = once(socket, "message", { signal: ended.signal });
  socket.send(JSON.stringify({ id: 1, method, params }));
  const [message] = (await received) as [Buffer];
  return (JSON.parse(message.toString()) as { readonly result: unknown }).result;
}
