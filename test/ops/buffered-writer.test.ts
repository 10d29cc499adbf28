import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import {
  type WriterDelays,
  type WriteSome,
  createBufferedWriter,
} from "../../src/ops/log/buffered-writer.ts";
import { fc } from "../support/property.ts";

const AT_ONCE: WriterDelays = { batchMs: 0, slowReaderMs: 0, errorMs: 0, maxErrorMs: 0 };

/** The result of one write: an error, or how many of the bytes are written. */
type Outcome = { readonly code: string } | { readonly part: number };

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ code: fc.constantFrom("EAGAIN", "ENOSPC", "EPIPE", "EIO") }),
  fc.record({ part: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

/** A destination with these results, one for each write; then it takes everything. */
function createDestination(outcomes: readonly Outcome[]): { write: WriteSome; taken(): string } {
  const left = [...outcomes];
  let taken = "";
  return {
    write(bytes, done) {
      const next = left.shift() ?? { part: 1 };
      setImmediate(() => {
        if ("code" in next) return done(Object.assign(new Error(next.code), next), 0);
        const piece = Buffer.from(bytes.slice(0, Math.ceil(bytes.length * next.part)));
        taken += piece.toString();
        done(null, piece.length);
      });
    },
    taken: () => taken,
  };
}

test("with any write error at any place, every line arrives complete and in order or is counted, never both", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(outcome, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      async (outcomes, batches, isFlushed) => {
        const { write, taken } = createDestination(outcomes);
        const writer = createBufferedWriter(write, AT_ONCE);
        let count = 0;
        const line = (): string => `${count}${"x".repeat((count += 1) % 7)}\n`;
        for (const size of batches) {
          writer.write(Buffer.from(Array.from({ length: size }, line).join("")), size);
          await sleep(count % 3);
        }
        if (isFlushed) await writer.flush();
        const isSettled = (): boolean => toLines(taken()).length + writer.droppedLines() === count;
        for (let waits = 0; waits < 2_000 && !isSettled(); waits += 1) await sleep(1);
        assert.ok(isSettled(), `${writer.droppedLines()} of ${count} were dropped: ${taken()}`);
        const numbers = toLines(taken()).map((text) => {
          assert.match(text, /^\d+x*$/);
          const number = Number.parseInt(text, 10);
          assert.equal(text.length - String(number).length, (number + 1) % 7, "it is whole");
          return number;
        });
        assert.ok(
          numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)),
        );
      },
    ),
  );
});

/** The text without an unfinished last line. */
function toLines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

test("a line after an error is written, together with the lines that were buffered meanwhile", async () => {
  const { write, taken } = createDestination([{ code: "ENOSPC" }, { code: "EPIPE" }]);
  const writer = createBufferedWriter(write, AT_ONCE);
  for (const [text, dropped] of [
    ["a\nb\n", 2],
    ["c\n", 3],
  ] as const) {
    writer.write(Buffer.from(text), text.length / 2);
    while (writer.droppedLines() < dropped) await sleep(1);
  }
  writer.write(Buffer.from("d\ne\n"), 2);
  while (taken() === "") await sleep(1);
  assert.deepEqual([taken(), writer.droppedLines()], ["d\ne\n", 3]);
});
