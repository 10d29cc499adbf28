/** Sends bytes that are not TLS, or not within its rules, to a TLS port, and judges what comes of them. */

import { type TlsCase, bytesOf } from "./case.ts";
import { RECORD } from "./client-hello.ts";
import { BREAK_OFF_MS } from "./conversation.ts";
import type { Arrival } from "./recorder.ts";
import { type Close, readResponses } from "./responses.ts";
import { type Verdict, isResponseTo, quote, seqOf } from "./verdict.ts";
import { type Wire, type WirePlan, openWire } from "./wire.ts";

/** What a client of TLS saw. */
interface Seen {
  readonly text: string;
  readonly close: Close;
}

const FIRST_PATH = "/first";
const FIRST_REQUEST = `GET ${FIRST_PATH} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

/** Runs one connection. `timeoutSeconds`: how long the proxy may leave the connection open after the client's FIN. */
export function sendToTls(one: TlsCase, plan: WirePlan, timeoutSeconds: number): Promise<Seen> {
  return new Promise((resolve) => {
    let text = "";
    let wire: Wire | undefined;
    const timer = setTimeout(() => finish("open"), timeoutSeconds * 1_000);
    const connection = openWire(one.isInside ? plan : { ...plan, tls: undefined }, begin, finish);

    function begin(opened: Wire): void {
      wire = opened;
      opened.stream.on("data", (bytes: Buffer) => {
        const isFirst = text === "";
        text += bytes.toString("latin1");
        if (isFirst && one.isInside) send();
        if (isFirst && !one.isInside && one.expects === "accepted") opened.cut();
      });
      if (one.isInside) opened.stream.write(FIRST_REQUEST);
      else send();
    }

    function send(): void {
      for (const part of one.parts) wire?.writeRaw(part);
      if (one.isInside || one.expects !== "accepted") setTimeout(() => wire?.cut(), BREAK_OFF_MS);
    }

    function finish(close: Close): void {
      clearTimeout(timer);
      connection.destroy();
      resolve({ text, close });
    }
  });
}

/** Judges one connection: nothing but what TLS protected may reach the upstream, and the connection ends. */
export function judgeTls(
  one: TlsCase,
  arrivals: readonly Arrival[],
  { text, close }: Seen,
): Verdict {
  const [first, ...others] = arrivals;
  const surplus = one.isInside ? others[0] : first;
  const hasResponse = one.isInside && isFirstResponse(text, first);
  const problems = [
    close === "open" ? "the proxy never closes the connection" : undefined,
    surplus === undefined ? undefined : `arrived without TLS: ${quote(surplus.raw)}`,
    one.isInside && !hasResponse
      ? `not the response to the request in TLS: ${quote(text)}`
      : undefined,
    one.isInside || isRecords(text) || isRefusal(text)
      ? undefined
      : `neither TLS nor a refusal, after ${quote(bytesOf(one))}: ${quote(text)}`,
  ];
  const isAccepted = hasResponse || text.charCodeAt(0) === RECORD.handshake;
  return {
    outcome: isAccepted ? "accepted" : "refused",
    failure: problems.find((problem) => problem !== undefined),
  };
}

function isFirstResponse(text: string, arrival: Arrival | undefined): boolean {
  const { final, rest } = readResponses(text, ["GET"], "open");
  const [response] = final;
  if (response === undefined || arrival === undefined || rest !== "complete") return false;
  return seqOf(response) === arrival.seq && isResponseTo(response, arrival, "GET");
}

/** Whether a text consists of whole records. */
function isRecords(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    const type = text.charCodeAt(at);
    // An alert may repeat the version of a client that has a wrong one.
    const isKnown = type === RECORD.alert || text[at + 1] === "\x03";
    if (type < RECORD.changeCipherSpec || type > RECORD.data || !isKnown) return false;
    at += 5 + text.charCodeAt(at + 3) * 256 + text.charCodeAt(at + 4);
  }
  return at === text.length;
}

/** Whether a text is one response of 4xx or 5xx. A proxy may refuse before it knows the method, so the response to a HEAD may have content. */
function isRefusal(text: string): boolean {
  return ["GET", "HEAD"].some((method) => {
    const { interim, final, rest } = readResponses(text, [method], "open");
    const [response] = final;
    const isOnly = rest === "complete" && interim.length === 0 && final.length === 1;
    return (
      isOnly && response !== undefined && response.status >= 400 && seqOf(response) === undefined
    );
  });
}
