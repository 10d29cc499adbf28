/** Reads HTTP/1.1 messages strictly from raw bytes: bytes that only a lenient parser accepts are an error here. */

import type { Socket } from "node:net";

/** How a connection ended: by a FIN, by a reset, or because the test destroyed it. */
export type CloseKind = "end" | "reset" | "destroyed";

/** A start line with field lines. */
export interface Head {
  /** Request line or status line. */
  readonly start: string;
  /** Field lines in order, byte for byte (Latin-1), without their line ends. */
  readonly lines: readonly string[];
}

/** A complete message. */
export interface Message extends Head {
  /** The content, without chunk framing. */
  readonly body: Buffer;
  /** The raw body, with chunk sizes and trailers. */
  readonly rawBody: Buffer;
  readonly trailers: readonly string[];
}

/** A message is incomplete or malformed. `received` holds the bytes that arrived. */
export class MessageError extends Error {
  readonly received: Buffer;
  readonly closeKind: CloseKind | undefined;

  constructor(message: string, received: Buffer, ending?: CloseKind) {
    super(`${message}; received ${JSON.stringify(received.toString("latin1").slice(0, 500))}`);
    this.name = "MessageError";
    this.received = received;
    this.closeKind = ending;
  }
}

/** Reads the bytes of a connection. */
export interface ByteReader {
  /** Resolves with that many bytes, or with all bytes up to and including that text. */
  take(wanted: number | string): Promise<Buffer>;
  /** Reads everything until the connection ends, however it ends. */
  takeAll(): Promise<Buffer>;
  /** The bytes that have arrived and were not taken. */
  unread(): Buffer;
}

/** No promise of headgate takes this long; a test that waits longer fails. */
const PATIENCE_MS = 15_000;

/** Reads all bytes of a socket, and records how it ended. `patienceMs`: how long a read waits for the next byte. */
export function readBytes(
  socket: Socket,
  patienceMs = PATIENCE_MS,
): ByteReader & { readonly closed: Promise<CloseKind> } {
  // The chunks are joined only for a read: joining at every chunk would copy a long body many times.
  let chunks: Buffer[] = [];
  let size = 0;
  let ending: CloseKind | undefined;
  let wake = (): void => {};
  const closed = new Promise<CloseKind>((resolve) => {
    const finish = (how: CloseKind): void => {
      ending ??= how;
      wake();
      resolve(ending);
    };
    socket.on("end", () => finish("end"));
    socket.on("error", () => finish("reset"));
    socket.on("close", () => finish("destroyed"));
  });
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    wake();
  });

  const unread = (): Buffer => {
    const [first] = chunks;
    const joined = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
    chunks = [joined];
    return joined;
  };
  const more = async (): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new MessageError(`nothing more came within ${patienceMs} ms`, unread()));
      }, patienceMs);
      wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
  };
  const cut = (length: number): Buffer => {
    const all = unread();
    chunks = [all.subarray(length)];
    size -= length;
    return all.subarray(0, length);
  };
  const lengthOf = (wanted: number | string): number => {
    if (typeof wanted === "number") return size >= wanted ? wanted : -1;
    const at = unread().indexOf(wanted, 0, "latin1");
    return at < 0 ? -1 : at + wanted.length;
  };
  return {
    closed,
    unread,
    async take(wanted) {
      for (let length = lengthOf(wanted); ; length = lengthOf(wanted)) {
        if (length >= 0) return cut(length);
        if (ending !== undefined) {
          throw new MessageError(`the connection ended (${ending}) too early`, unread(), ending);
        }
        await more();
      }
    },
    async takeAll() {
      while (ending === undefined) await more();
      return cut(size);
    },
  };
}

/** Reads a start line and its field lines. */
export async function readHead(bytes: ByteReader): Promise<Head> {
  const raw = await bytes.take("\r\n\r\n");
  const text = raw.toString("latin1").slice(0, -4);
  const [start = "", ...lines] = text.split("\r\n");
  if (/[\r\n\0]/.test(text.replaceAll("\r\n", "")))
    throw new MessageError("a stray CR, LF or NUL", raw);
  const bad = lines.find((line) => !/^[!#$%&'*+.^_`|~\w-]+:/.test(line));
  if (bad !== undefined) throw new MessageError(`not a field line: ${JSON.stringify(bad)}`, raw);
  return { start, lines };
}

/** The framing of a body by RFC 9112 §6.3: a length, "chunked", or "close" for all bytes up to the end of the connection. */
export type Framing = number | "chunked" | "close";

/** The framing that the fields announce; undefined if there is none. Throws if two fields contradict each other. */
export function framingOf(head: Head): Framing | undefined {
  const lengths = fieldValues(head, "content-length");
  const codings = fieldValues(head, "transfer-encoding");
  const [length] = lengths;
  const [coding] = codings;
  const raw = Buffer.from([head.start, ...head.lines].join("\r\n"), "latin1");
  if (lengths.length + codings.length > 1) throw new MessageError("more than one framing", raw);
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    throw new MessageError(`coding ${coding}`, raw);
  if (coding !== undefined) return "chunked";
  if (length !== undefined && !/^\d+$/.test(length))
    throw new MessageError(`length ${length}`, raw);
  return length === undefined ? undefined : Number(length);
}

/** Reads the body by its framing. */
export async function readBody(
  bytes: ByteReader,
  framing: Framing,
): Promise<Omit<Message, keyof Head>> {
  if (framing === "chunked") return readChunked(bytes);
  const body = framing === "close" ? await bytes.takeAll() : await bytes.take(framing);
  return { body, rawBody: body, trailers: [] };
}

async function readChunked(bytes: ByteReader): Promise<Omit<Message, keyof Head>> {
  const raw: Buffer[] = [];
  const parts: Buffer[] = [];
  const takeRaw = async (size: number | string): Promise<Buffer> => {
    const taken = await bytes.take(size);
    raw.push(taken);
    return taken;
  };
  for (;;) {
    const line = (await takeRaw("\r\n")).toString("latin1").slice(0, -2);
    if (!/^[0-9a-fA-F]+(?:;.*)?$/.test(line))
      throw new MessageError(`chunk size ${line}`, Buffer.concat(raw));
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    parts.push(await takeRaw(size));
    if ((await takeRaw(2)).toString("latin1") !== "\r\n")
      throw new MessageError("chunk end", Buffer.concat(raw));
  }
  const trailers: string[] = [];
  for (;;) {
    const line = (await takeRaw("\r\n")).toString("latin1").slice(0, -2);
    if (line === "") return { body: Buffer.concat(parts), rawBody: Buffer.concat(raw), trailers };
    trailers.push(line);
  }
}

/** The values of a field, in order, without surrounding white space. `name` is in lower case. */
export function fieldValues(head: Pick<Head, "lines">, name: string): readonly string[] {
  return head.lines
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
}
