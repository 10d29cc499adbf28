/** A strict reader of HTTP/1.x messages, for both models. */

/** One message, as far as it was received. */
export interface Message {
  readonly first: string;
  readonly fields: ReadonlyMap<string, string>;
  content: string;
  isComplete: boolean;
}

type Framing = "none" | "chunked" | "close" | number;

/** The events of a reader. */
export interface MessageEvents {
  /** Returns the framing of the content; `raw`: the following bytes belong to another protocol. */
  onHead(message: Message): Framing | "raw";
  onEnd(message: Message): void;
  onRaw(text: string): void;
  onMalformed(what: string): void;
}

/** Reads messages one after the other. */
export class MessageReader {
  private readonly events: MessageEvents;
  private held = "";
  private message: Message | undefined = undefined;
  private framing: Framing | "raw" = "none";
  private left = 0;
  private isBroken = false;

  constructor(events: MessageEvents) {
    this.events = events;
  }

  /** The incomplete message that is being read. */
  unfinished(): Message | undefined {
    return this.message;
  }

  /** Whether part of a header section was received. */
  hasPart(): boolean {
    return this.held !== "" || this.message !== undefined;
  }

  /** All following bytes belong to another protocol. */
  turnRaw(): void {
    this.framing = "raw";
  }

  /** Handles an orderly end of the connection. */
  end(): void {
    if (this.message !== undefined && this.framing === "close") this.finish(this.message);
  }

  push(text: string): void {
    if (this.framing === "raw") return this.events.onRaw(text);
    this.held += text;
    while (this.held !== "" && !this.isBroken && this.step());
  }

  private step(): boolean {
    if (this.framing === "raw") {
      const rest = this.held;
      this.held = "";
      this.events.onRaw(rest);
      return false;
    }
    const { message } = this;
    if (message === undefined) return this.readHead();
    if (this.framing === "chunked") return this.readChunk(message);
    if (this.framing === "close") {
      message.content += this.held;
      this.held = "";
      return false;
    }
    const piece = this.held.slice(0, this.left);
    this.held = this.held.slice(piece.length);
    message.content += piece;
    this.left -= piece.length;
    if (this.left === 0) this.finish(message);
    return true;
  }

  private readHead(): boolean {
    const end = this.held.indexOf("\r\n\r\n");
    if (end === -1) return false;
    const [first = "", ...lines] = this.held.slice(0, end).split("\r\n");
    this.held = this.held.slice(end + 4);
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon < 1) return this.fail(`field line ${JSON.stringify(line)}`);
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value);
    }
    const message = { first, fields, content: "", isComplete: false };
    this.message = message;
    this.framing = this.events.onHead(message);
    if (this.framing === "raw") this.message = undefined;
    else if (this.framing === "none" || this.framing === 0) this.finish(message);
    else if (typeof this.framing === "number") this.left = this.framing;
    return true;
  }

  private readChunk(message: Message): boolean {
    const end = this.held.indexOf("\r\n");
    if (end === -1) return false;
    const size = this.held.slice(0, end);
    if (!/^[0-9a-f]+$/i.test(size)) return this.fail(`chunk size ${JSON.stringify(size)}`);
    const length = Number.parseInt(size, 16);
    if (this.held.length < end + 2 + length + 2) return false;
    message.content += this.held.slice(end + 2, end + 2 + length);
    if (this.held.slice(end + 2 + length, end + 4 + length) !== "\r\n")
      return this.fail("end of a chunk");
    this.held = this.held.slice(end + 4 + length);
    if (length === 0) this.finish(message);
    return true;
  }

  private finish(message: Message): void {
    message.isComplete = true;
    this.message = undefined;
    this.framing = "none";
    this.events.onEnd(message);
  }

  private fail(what: string): false {
    this.isBroken = true;
    this.events.onMalformed(what);
    return false;
  }
}

/** Content that identifies its exchange at every position. */
export function toContent(id: string, length: number): string {
  if (length <= 0) return "";
  const unit = `<${id}>`;
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}
