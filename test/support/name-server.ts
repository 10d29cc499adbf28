/** A scriptable name server on port 53 of its own loopback address, over UDP and TCP (RFC 1035 §4). */

import { type Socket as UdpSocket, createSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { type Server, type Socket, createServer, isIPv6 } from "node:net";
import type { Cleanup } from "./wire.ts";

/** The reply to a question. Addresses may be of both families; each question gets those of its own family. */
export type Reply =
  | readonly string[]
  | {
      readonly addresses: readonly string[];
      readonly alias?: string;
      readonly overUdp?: "truncated";
    }
  | "NXDOMAIN"
  | "SERVFAIL"
  | "REFUSED"
  | "never";

/** A reply, or a promise of one: the response is sent when it resolves. */
export type LateReply = Reply | Promise<Reply>;

/** The replies for the two families, each sent separately. A function is called for each question. */
export interface FamilyReplies {
  readonly A: LateReply;
  readonly AAAA: LateReply;
}

/** The reply for a name; a function is called for each question. */
type Replies = LateReply | FamilyReplies | (() => LateReply | FamilyReplies);

/** A question that arrived. */
export interface Query {
  readonly name: string;
  readonly type: "A" | "AAAA" | "other";
  readonly over: "udp" | "tcp";
}

/** A running name server. */
export interface NameServer {
  readonly address: string;
  /**
   * Sets the reply for a name; without it, the reply is NXDOMAIN. If one reply is for both families, the questions for A and AAAA get
   * theirs together once both have arrived, so that no test depends on the 50 ms between them. A client that queries only one family
   * needs `FamilyReplies`.
   */
  set(name: string, replies: Replies): void;
  /** All questions for a name so far, including repeated ones. */
  queries(name: string): readonly Query[];
  /** Resolves when at least `count` questions for a name have arrived; the default is one. */
  queried(name: string, count?: number): Promise<void>;
}

/** A reply that is sent when the test releases it. */
export function hold(reply: Reply): { readonly reply: Promise<Reply>; release(): void } {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  return { reply: released.then(() => reply), release };
}

interface Question extends Query {
  /** Its source: the questions of one lookup have the same. */
  readonly from: string;
  readonly bytes: Buffer;
  send(message: Buffer): void;
}

const RCODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;
const TYPES: Readonly<Record<number, "A" | "AAAA">> = { 1: "A", 28: "AAAA" };
const HEADER_BYTES = 12;

/** Starts a name server; the end of test `t` stops it. */
export async function startNameServer(t: Cleanup): Promise<NameServer> {
  const replies = new Map<string, Replies>();
  const asked: Query[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  const pairs = new Map<string, Question>();

  const { address } = await listen(t, (question) => {
    asked.push(question);
    news.emit("news");
    const found = replies.get(question.name) ?? "NXDOMAIN";
    const given = typeof found === "function" ? found() : found;
    if (isPerFamily(given)) {
      if (question.type !== "other") void respond([question], given[question.type]);
      return;
    }
    const key = `${question.over} ${question.from} ${question.name}`;
    const other = pairs.get(key);
    if (other === undefined) pairs.set(key, question);
    else if (other.type !== question.type) {
      pairs.delete(key);
      void respond([other, question], given);
    }
  });

  const queries = (name: string): readonly Query[] => asked.filter((query) => query.name === name);
  return {
    address,
    set: (name, given) => void replies.set(name, given),
    queries,
    async queried(name, count = 1) {
      while (queries(name).length < count) await once(news, "news");
    },
  };
}

function isPerFamily(replies: LateReply | FamilyReplies): replies is FamilyReplies {
  return typeof replies === "object" && "AAAA" in replies;
}

async function respond(questions: readonly Question[], given: LateReply): Promise<void> {
  const settled = await given;
  if (settled === "never") return;
  for (const question of questions) question.send(toMessage(question, settled));
}

function toMessage({ bytes, type, over }: Question, given: Exclude<Reply, "never">): Buffer {
  const { addresses, alias, overUdp } =
    typeof given === "string"
      ? { addresses: [], alias: undefined, overUdp: undefined }
      : "addresses" in given
        ? given
        : { addresses: given, alias: undefined, overUdp: undefined };
  const isTruncated = overUdp === "truncated" && over === "udp";
  const owner = alias === undefined ? Buffer.from([0xc0, HEADER_BYTES]) : toLabels(alias);
  const records = [
    ...(alias === undefined
      ? []
      : [toRecord(Buffer.from([0xc0, HEADER_BYTES]), 5, toLabels(alias))]),
    ...addresses
      .filter((address) => isIPv6(address) === (type === "AAAA"))
      .map((address) => toRecord(owner, type === "AAAA" ? 28 : 1, toBytes(address))),
  ];
  const sent = isTruncated ? [] : records;
  const header = Buffer.alloc(HEADER_BYTES);
  bytes.copy(header, 0, 0, 2);
  const rcode = typeof given === "string" ? RCODES[given] : 0;
  header.writeUInt16BE(0x8180 | (isTruncated ? 0x0200 : 0) | rcode, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(sent.length, 6);
  return Buffer.concat([header, bytes.subarray(HEADER_BYTES, questionEnd(bytes)), ...sent]);
}

function toRecord(owner: Buffer, type: number, data: Buffer): Buffer {
  const fields = Buffer.alloc(10);
  fields.writeUInt16BE(type, 0);
  fields.writeUInt16BE(1, 2); // IN
  fields.writeUInt32BE(60, 4); // a time to live, which headgate ignores
  fields.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fields, data]);
}

function toLabels(name: string): Buffer {
  const labels = name.split(".").map((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([...labels.flat(), 0]);
}

function toBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const toGroups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const last = tail === undefined ? [] : toGroups(tail);
  const first = toGroups(head);
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0);
  return Buffer.from([...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]));
}

function parseQuestion(bytes: Buffer): Pick<Query, "name" | "type"> {
  const end = questionEnd(bytes);
  const labels: string[] = [];
  for (let at = HEADER_BYTES; bytes[at] !== 0; at += (bytes[at] ?? 0) + 1)
    labels.push(bytes.toString("latin1", at + 1, at + 1 + (bytes[at] ?? 0)));
  return {
    name: labels.join(".").toLowerCase(),
    type: TYPES[bytes.readUInt16BE(end - 4)] ?? "other",
  };
}

function questionEnd(bytes: Buffer): number {
  return bytes.indexOf(0, HEADER_BYTES) + 5;
}

/** Any address of 127.0.0.0/8 can be listened on. Tests that run at the same time use different ones. */
async function listen(
  t: Cleanup,
  onQuestion: (question: Question) => void,
): Promise<{ readonly address: string }> {
  for (;;) {
    const parts = Array.from({ length: 3 }, () => 1 + Math.floor(Math.random() * 254));
    const address = ["127", ...parts].join(".");
    const udp = createSocket("udp4", (bytes, { port, address: peer }) =>
      onQuestion({
        ...parseQuestion(bytes),
        over: "udp",
        from: `${peer}:${port}`,
        bytes,
        send: (message) => udp.send(message, port, peer),
      }),
    );
    const tcp = createServer((socket) => serveTcp(socket, onQuestion));
    t.after(() => {
      udp.close();
      tcp.close();
    });
    try {
      await bind(udp, tcp, address);
      return { address };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}

async function bind(udp: UdpSocket, tcp: Server, address: string): Promise<void> {
  udp.bind(53, address);
  await once(udp, "listening");
  tcp.listen(53, address);
  await once(tcp, "listening");
}

/** RFC 1035 §4.2.2: two bytes of length precede each message. */
function serveTcp(socket: Socket, onQuestion: (question: Question) => void): void {
  let unread = Buffer.alloc(0);
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      const bytes = unread.subarray(2, 2 + unread.readUInt16BE(0));
      unread = unread.subarray(2 + bytes.length);
      onQuestion({
        ...parseQuestion(bytes),
        over: "tcp",
        from: `${socket.remoteAddress}:${socket.remotePort}`,
        bytes,
        send(message) {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(message.length);
          socket.write(Buffer.concat([length, message]));
        },
      });
    }
  });
}
