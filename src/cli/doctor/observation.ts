/** Probes one endpoint with GET and HEAD: sends the requests in order and collects the responses. */

import type { ParsedHead } from "../../http/wire/response-head.ts";
import { findField } from "../../http/fields.ts";
import type { Connect } from "../../upstream/socket.ts";
import {
  type ExchangeLimits,
  type Outcome,
  type Response,
  openRawConnection,
} from "./raw-connection.ts";

/** The requests of one probe. */
export interface ProbeRequest {
  readonly target: string;
  /** Name, value, name, value, … with Host. */
  readonly fields: readonly string[];
  readonly sendsOptions: boolean;
}

/** The responses to one probe. */
export interface Observation {
  readonly get: Outcome;
  /** A second GET, which shows the fields that change by themselves; undefined if the first GET failed. */
  readonly again: Outcome | undefined;
  readonly head: Outcome;
  /** Whether the GET after the HEAD on the same connection got something other than a response, or nothing, as no other GET did. */
  readonly isOutOfStep: boolean;
  /** A GET of the first byte; undefined if the content is small or a stream. */
  readonly range: Outcome | undefined;
  readonly options: Outcome | undefined;
}

/** Content of this size or more is probed for ranges: headgate reads no more than this for a HEAD. */
const LARGE_BYTES = 64 * 1024;

/** Sends GET, then HEAD and GET on one connection, then the other requests that are needed. Never rejects. */
export async function observe(
  connect: Connect,
  { target, fields, sendsOptions }: ProbeRequest,
  limits: ExchangeLimits,
): Promise<Observation> {
  const once = async (
    method: "GET" | "OPTIONS",
    more: readonly string[] = [],
  ): Promise<Outcome> => {
    const connection = openRawConnection(connect, limits);
    try {
      return await connection.send({ method, target, fields: [...fields, ...more], until });
    } finally {
      connection.close();
    }
  };
  const get = await once("GET");
  const { head, behind } = await sendHead();
  const failure = behind !== undefined && "failure" in behind ? behind.failure : undefined;
  const again =
    "failure" in get
      ? undefined
      : behind === undefined || failure !== undefined
        ? await once("GET")
        : behind;
  const isSilent = failure?.code === "http_response_timeout" && isAnswered(again);
  const isOutOfStep = failure?.isGarbage === true || isSilent;
  const range =
    "response" in get && isLarge(get.response)
      ? await once("GET", ["Range", "bytes=0-0"])
      : undefined;
  const options = sendsOptions ? await once("OPTIONS") : undefined;
  return { get, again, head, isOutOfStep, range, options };

  /** Sends a HEAD, and a GET after it on the same connection: content that wrongly follows the HEAD would be parsed as its response. */
  async function sendHead() {
    const connection = openRawConnection(connect, limits);
    try {
      const sent = await connection.send({ method: "HEAD", target, fields });
      const behindIt =
        "response" in get && "response" in sent && connection.isUsable()
          ? await connection.send({ method: "GET", target, fields, until })
          : undefined;
      return { head: sent, behind: behindIt };
    } finally {
      connection.close();
    }
  }
}

function isAnswered(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && "response" in outcome;
}

/** For an event stream only the header section is read: events may come late or never. */
function until(head: ParsedHead): "head" | "end" {
  const type = findField(head.rawFields, "content-type") ?? "";
  return isEventStream(type) ? "head" : "end";
}

/** Whether a content type is an endless stream of events. */
export function isEventStream(type: string): boolean {
  return /^\s*(?:text\/event-stream|multipart\/x-mixed-replace)/i.test(type);
}

function isLarge({ status, fields, contentBytes, ended }: Response): boolean {
  if (status !== 200 || ended === "chosen") return false;
  const length = Number(findField(fields, "content-length") ?? 0);
  return (
    Math.max(length, contentBytes) > LARGE_BYTES || findField(fields, "accept-ranges") === "bytes"
  );
}
