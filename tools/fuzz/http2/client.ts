/** The client of HTTP/2: writes a case's frames from its own address, and reads until nothing more can come. */

import { setTimeout as sleep } from "node:timers/promises";
import type { FrameCase } from "../case.ts";
import { BREAK_OFF_MS, type ConversationPlan, converse, writePieces } from "../conversation.ts";
import type { Wire } from "../wire.ts";
import type { ReceivedBytes } from "./judge.ts";
import { readReceived } from "./received.ts";

/**
 * Whether Node closes a connection whose session nghttp2 has given up. Node 20 sends the GOAWAY, but then reads nothing any more, so that
 * headgate closes the connection only after `timeouts.keepAlive`.
 */
const CLOSES_AT_ERROR = Number(process.versions.node.split(".")[0]) >= 22;

/** What to send, and when all has come. */
export interface FramePlan extends ConversationPlan {
  readonly parts: readonly string[];
  /** How the frames leave: all in one write, each part in its own, or cut anywhere. */
  readonly pace: FrameCase["pace"];
  /** The streams whose responses the client awaits; undefined: it leaves when nothing more comes for a moment. */
  readonly awaited: readonly number[] | undefined;
}

/** Runs one connection. */
export function exchangeFrames(plan: FramePlan): Promise<ReceivedBytes> {
  return new Promise((resolve) => {
    let isLeaving = false;
    let isWritten = false;
    let wire: Wire | undefined;
    let leaving: NodeJS.Timeout | undefined;
    const conversation = converse(plan, {
      onOpen(opened) {
        wire = opened;
        void writeFrames(opened, plan).then(() => {
          isWritten = true;
          leaveWhenComplete();
        });
      },
      onBytes: leaveWhenComplete,
      onStall: leave,
      onEnd(received) {
        clearTimeout(leaving);
        resolve({ ...received, isEndedByProxy: !isLeaving });
      },
    });

    function leaveWhenComplete(): void {
      if (!isWritten || isLeaving) return;
      const { awaited } = plan;
      if (awaited === undefined) {
        clearTimeout(leaving);
        leaving = setTimeout(leave, BREAK_OFF_MS);
      } else if (awaited.length === 0 || isDone(awaited)) leave();
    }

    function isDone(awaited: readonly number[]): boolean {
      const { streams, goawayCode } = readReceived(conversation.text());
      if (goawayCode !== undefined && goawayCode !== 0) return !CLOSES_AT_ERROR;
      return awaited.every((id) => {
        const stream = streams.get(id);
        return stream !== undefined && (stream.isEnded || stream.resetCode !== undefined);
      });
    }

    function leave(): void {
      isLeaving = true;
      const { goawayCode } = readReceived(conversation.text());
      if (CLOSES_AT_ERROR || goawayCode === undefined || goawayCode === 0) wire?.end();
      else conversation.finish("end");
    }
  });
}

async function writeFrames(wire: Wire, { parts, pace }: FramePlan): Promise<void> {
  const pieces =
    pace === "at once" ? [parts.join("")] : pace === "part by part" ? parts : toPieces(parts);
  await writePieces(wire, pieces);
  await sleep(0);
}

/** Cuts the bytes within frames and between them, in about as many pieces as there are parts. */
function toPieces(parts: readonly string[]): readonly string[] {
  const text = parts.join("");
  const size = Math.max(7, Math.ceil(text.length / (parts.length + 1)));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}
