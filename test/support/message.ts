/** HTTP/1.1 messages read off raw bytes, strictly: what a lenient parser would forgive is an error here. */

import type { Socket } from "node:net";

/** How a connection ended: by a FIN, by a reset, or because the test itself destroyed it. */
export type Ending = "end" | "reset" | "destroyed";

export interface Head {
  /** Request line or status line. */
  readonly start: string;
  /** Field lines in order, byte for byte (Latin-1), without their line ends. */
  readonly lines: readonly string[];
}

export interface Message extends Head {
  /** The content, freed from its chunks. */
  readonly body: Buffer;
  /** The body as it stood on the wire, chunk sizes and trailers included. */
  readonly rawBody: Buffer;
  readonly trailers: readonly string[];
}

/** Thrown when a message is not complete, or not valid. `received` is what had arrived of it. */
export class MessageError extends Error {
  readonly received: Buffer;
  readonly ending: Ending | undefined;

  constructor(message: string, received: Buffer, ending?: Ending) {
    super(`${message}; received ${JSON.stringify(received.toString("latin1").slice(0, 500))}`);
    this.name = "MessageError";
    this.received = received;
    this.ending = ending;
  }
}

export interface ByteReader {
  /** Resolves with that many bytes, or with all bytes up to and including that text. */
  take(wanted: number | string): Promise<Buffer>;
  /** Everything until the connection ends, however it ends. */
  takeAll(): Promise<Buffer>;
  /** What has arrived and nobody has taken. */
  unread(): Buffer;
}

/** No promise of headgate takes this long; a test that waits longer has failed. */
const PATIENCE_MS = 15_000;

/** Takes a socket's bytes over; also tells how it ended. `patienceMs`: how long a read waits for the next byte. */
export function readBytes(
  socket: Socket,
  patienceMs = PATIENCE_MS,
): ByteReader & { readonly closed: Promise<Ending> } {
  // Joined only when someone looks: joining at every chunk would copy a long body many times over.
  let chunks: Buffer[] = [];
  let size = 0;
  let ending: Ending | undefined;
  let wake = (): void => {};
  const closed = new Promise<Ending>((resolve) => {
    const finish = (how: Ending): void => {
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

/** What RFC 9112 §6.3 says about a body: a length, "chunked", or "close" for up to the end of the connection. */
export type Framing = number | "chunked" | "close";

/** The framing that the fields announce; undefined when they say nothing. Throws where two of them contradict. */
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

/** Reads the body that `framing` announces. */
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

/** The values of a field, in order, without the white space around them. `name` in lower case. */
export function fieldValues(head: Pick<Head, "lines">, name: string): readonly string[] {
  return head.lines
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
}
