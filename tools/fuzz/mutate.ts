/** Mutations: messages with small random changes. */

import type { Random } from "../shared/random.ts";

const WORDS = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  "\x0b",
  ":",
  ",",
  ";",
  "0",
  "0\r\n\r\n",
  "\r\n\r\n",
  "chunked",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: 5\r\n",
  "Host: b.example\r\n",
  "Connection: close\r\n",
  "Connection: content-length, transfer-encoding\r\n",
  "Connection: Upgrade\r\nUpgrade: x\r\n",
  "Expect: 100-continue\r\n",
  "Max-Forwards: 0\r\n",
  "Trailer: Content-Length\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "POST",
  "HEAD",
  "ffffffff",
  "\xff",
  "/",
  "http://c.example",
];

type Mutation = (random: Random, text: string) => string;

const MUTATIONS: readonly Mutation[] = [
  (random, text) => splice(text, random.below(text.length + 1), 0, random.pick(WORDS)),
  (random, text) => splice(text, random.below(text.length), 1, ""),
  (random, text) =>
    splice(text, random.below(text.length), 1, String.fromCharCode(random.below(256))),
  (random, text) =>
    splice(text, random.below(text.length), 1 + random.below(8), random.pick(WORDS)),
  (random, text) => text.slice(0, 1 + random.below(text.length)),
  repeatLine,
  swapLines,
  (random, text) => {
    const from = random.below(text.length);
    return splice(
      text,
      random.below(text.length),
      0,
      text.slice(from, from + 1 + random.below(40)),
    );
  },
  (random, text) => text.replace(/\d+/, String(random.below(300))),
  (random, text) => text.replace(/(?<=Content-Length: )\d+/, String(random.below(200))),
];

/** Applies one to four mutations, one after the other. */
export function mutate(random: Random, text: string): string {
  let mutated = text;
  for (let count = 1 + random.below(4); count > 0; count -= 1)
    mutated = random.pick(MUTATIONS)(random, mutated) || "\r\n";
  return mutated;
}

function splice(text: string, at: number, dropped: number, added: string): string {
  return `${text.slice(0, at)}${added}${text.slice(at + dropped)}`;
}

function repeatLine(random: Random, text: string): string {
  const lines = text.split("\r\n");
  const at = random.below(lines.length);
  return lines.toSpliced(at, 0, lines[at] ?? "").join("\r\n");
}

function swapLines(random: Random, text: string): string {
  const lines = text.split("\r\n");
  const [line = ""] = lines.splice(random.below(lines.length), 1);
  return lines.toSpliced(random.below(lines.length + 1), 0, line).join("\r\n");
}
