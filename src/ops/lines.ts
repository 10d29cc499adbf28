/** Lines of JSON, put together as bytes: as strings the pieces of a line would cost more to collect than to make. */

import { toPrintable } from "./printable.ts";
import { withRoom } from "./room.ts";

export interface Lines {
  /** Bytes that are written as they are: what every line has. */
  bytes(bytes: Uint8Array): void;
  /** Text that is written as it is. ASCII only: what the program itself says. */
  ascii(text: string): void;
  /** A stranger's text as a JSON string: printable, and of at most `maxLength` UTF-16 units and "…" if it was cut. */
  string(text: string, maxLength: number): void;
  /** All that was written, and starts over. What it returns is overwritten by what is written next. */
  take(): Uint8Array;
}

const FIRST_SIZE = 32 * 1024;
/** UTF-8 has at most so many bytes for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export function createLines(): Lines {
  let buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let end = 0;

  function makeRoom(size: number): Buffer {
    buffer = withRoom(buffer, end, size);
    return buffer;
  }

  /** False, and nothing written, where a character needs an escape or more than a byte. */
  function plain(text: string): boolean {
    const target = makeRoom(text.length + 2);
    let at = end;
    target[at++] = QUOTE;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false;
      target[at++] = code;
    }
    target[at++] = QUOTE;
    end = at;
    return true;
  }

  return {
    bytes(bytes) {
      const target = makeRoom(bytes.length);
      const at = end;
      for (let index = 0; index < bytes.length; index += 1) target[at + index] = bytes[index] ?? 0;
      end = at + bytes.length;
    },
    ascii(text) {
      const target = makeRoom(text.length);
      const at = end;
      for (let index = 0; index < text.length; index += 1)
        target[at + index] = text.charCodeAt(index);
      end = at + text.length;
    },
    string(text, maxLength) {
      if (text.length <= maxLength && plain(text)) return;
      const json = JSON.stringify(toPrintable(text, maxLength));
      end += makeRoom(MAX_BYTES_PER_UNIT * json.length).write(json, end);
    },
    take() {
      const taken = buffer.subarray(0, end);
      end = 0;
      return taken;
    },
  };
}
