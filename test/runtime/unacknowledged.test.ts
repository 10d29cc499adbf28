import assert from "node:assert/strict";
import { Socket } from "node:net";
import test from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { createUnacknowledged } from "../../src/runtime/unacknowledged.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";

/** A line of proc(5) for a connection on loopback; ports in hexadecimal. */
function toLine(local: string, remote: string, queued: string): string {
  return `   0: 0100007F:${local} 0100007F:${remote} 01 ${queued}:00000007 02:000003E8 00000000\n`;
}

test("the bytes that wait for a peer are found by both ports", () => {
  const files = new Map([
    [
      "/proc/net/tcp",
      HEADER + toLine("1F90", "C350", "00000100") + toLine("C350", "1F90", "00000000"),
    ],
    ["/proc/net/tcp6", HEADER + toLine("1F90", "C350", "00000001")],
  ]);
  const count = createUnacknowledged((path) => files.get(path) ?? "");
  assert.equal(count({ localPort: 8080, remotePort: 50_000 }), 257);
  assert.equal(count({ localPort: 8080, remotePort: 50_001 }), undefined);
  assert.equal(count(new Socket()), undefined);
});

// Symptom: with many connections whose clients read nothing, each check of one connection read the table of all connections.
// Root cause: a reading served one check only. Fix: a reading is valid for twenty times the time that it took.
test("one reading of a long table serves many checks", () => {
  let nowMs = 0;
  let readings = 0;
  const read = (path: string): string => {
    if (path !== "/proc/net/tcp") return "";
    readings += 1;
    nowMs += 5; // the time that a reading takes
    return toLine("1F90", "C350", `0000000${readings}`);
  };
  const count = createUnacknowledged(read, () => nowMs);
  const look = () => count({ localPort: 8080, remotePort: 50_000 });
  assert.deepEqual([look(), look(), look()], [1, 1, 1]);
  nowMs += 99;
  assert.equal(look(), 1);
  nowMs += 1;
  assert.equal(look(), 2);
  assert.equal(readings, 2);
});

// Symptom: headgate kept megabytes on a machine with many sockets, long after its last check. Root cause: the table of the last reading
// stayed until the next one. Fix: only a weak reference holds it.
test("a long table is not kept in memory", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const toTable = (): string =>
    Array.from({ length: 60_000 }, (_, index) =>
      toLine("1F90", index.toString(16).toUpperCase().padStart(4, "0"), "00000001"),
    ).join("");
  const count = createUnacknowledged((path) => (path === "/proc/net/tcp" ? toTable() : ""));
  const measure = async (): Promise<number> => {
    await setImmediate(); // a weak reference holds its object until the end of the turn
    /x/.exec("x"); // V8 keeps the text of the last match
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await measure();
  assert.equal(count({ localPort: 8080, remotePort: 50_000 }), 1);
  const growth = (await measure()) - before;
  assert.ok(growth < 1024 ** 2, `${growth} bytes`);
  assert.equal(count({ localPort: 8080, remotePort: 50_000 }), 1);
});

test("a table that cannot be read yields undefined", () => {
  const count = createUnacknowledged(() => {
    throw new Error("EMFILE");
  });
  assert.equal(count({ localPort: 8080, remotePort: 50_000 }), undefined);
});
