/** The known smuggling families: two framings in one message, or one framing that two readers interpret differently. */

import type { Family } from "./case.ts";
import { SMUGGLED, toBody, toChunks, toMethod, toRequest, toTarget, toValid } from "./grammar.ts";
import type { Random } from "../shared/random.ts";
import { CODINGS, LENGTHS, SIZES } from "./wrong-framings.ts";

const TE = "Transfer-Encoding: chunked";
const LAST = "0\r\n\r\n";

function post(random: Random, lines: readonly string[], body: string): string {
  return toRequest(
    random,
    `${random.pick(["POST", "PUT", "GET", "DELETE"])} ${toTarget(random)}`,
    lines,
    body,
  );
}

/** Both lines, in random order. */
function both(random: Random, one: string, other: string): string[] {
  return random.oneIn(2) ? [one, other] : [other, one];
}

/** Families of requests that no reader may process completely. */
export const FRAMING_FAMILIES: readonly Family<string>[] = [
  {
    name: "CL.TE",
    expects: "refused",
    make(random) {
      const body = `${LAST}${SMUGGLED}`;
      return post(random, both(random, `Content-Length: ${body.length}`, TE), body);
    },
  },
  {
    name: "TE.CL",
    expects: "refused",
    make(random) {
      const chunk = `${SMUGGLED.length.toString(16)}\r\n`;
      const body = `${chunk}${SMUGGLED}\r\n${LAST}`;
      return post(random, both(random, `Content-Length: ${chunk.length}`, TE), body);
    },
  },
  {
    name: "TE.TE",
    expects: "refused",
    make: (random) =>
      post(
        random,
        both(random, TE, random.pick(CODINGS)),
        `${toChunks(random, toBody(random))}${LAST}`,
      ),
  },
  {
    name: "obfuscated Transfer-Encoding",
    expects: "refused",
    make(random) {
      const body = random.oneIn(2) ? `${LAST}${SMUGGLED}` : `${toChunks(random, SMUGGLED)}${LAST}`;
      const coding = random.pick(CODINGS);
      const lines = random.oneIn(3)
        ? [coding]
        : both(random, coding, `Content-Length: ${body.length}`);
      return post(random, lines, body);
    },
  },
  {
    name: "odd Content-Length",
    expects: "refused",
    make(random) {
      const body = toBody(random) || "x";
      const written = random.pick(LENGTHS).replaceAll("N", String(body.length));
      return post(random, [`Content-Length: ${written}`], body);
    },
  },
  {
    name: "odd chunk size",
    expects: "refused",
    make(random) {
      const body = toBody(random) || "x";
      const size = random.pick(SIZES).replaceAll("N", body.length.toString(16));
      const front = random.oneIn(2) ? toChunks(random, "front") : "";
      return post(random, [TE], `${front}${size}\r\n${body}\r\n${LAST}`);
    },
  },
  {
    name: "broken chunk",
    expects: "refused",
    make(random) {
      const body = toBody(random) || "x";
      const size = body.length.toString(16);
      const wrong = [
        `${size}\n${body}\r\n${LAST}`,
        `${size}\r${body}\r\n${LAST}`,
        `${size}\r\n${body}\n${LAST}`,
        `${size}\r\n${body}${LAST}`,
        `${size}\r\n${body}x\r\n${LAST}`,
        `${size}\r\n${body}\r\n0\n\n`,
        `${size}\r\n${body}\r\n0\r\n\n`,
        `${size}\r\n${body}\r\n0\n\r\n`,
        `${size}\r\n${body}\r\n0\r\rX`,
        `${size}\r\n${body}\r\n0\r\n\rX`,
        `${size}\r\n${body}\r\n\r\n${LAST}`,
        `${size}\r\n${body}\r\n0\r\n X: folded\r\n\r\n`,
        `${size}\r\n${body}\r\n0\r\nX : space\r\n\r\n`,
        `${size}\r\n${body}\r\n0\r\nX\r\n\r\n`,
        `${size}\r\n${body}\r\n0\r\nX: a\nY: b\r\n\r\n`,
        `${size}\r\n${body}\r\n0\r\nX: a\0\r\n\r\n`,
      ];
      return post(random, [TE], random.pick(wrong));
    },
  },
  {
    name: "HTTP/1.0 with Transfer-Encoding",
    expects: "refused",
    make(random) {
      const kept = random.oneIn(2) ? ["Connection: keep-alive"] : [];
      const request = post(random, [TE, ...kept], `${toChunks(random, SMUGGLED)}${LAST}`);
      return request.replace(" HTTP/1.1\r\n", " HTTP/1.0\r\n");
    },
  },
  {
    name: "leftovers",
    expects: "refused",
    make(random) {
      // The next request follows these bytes: if they were only letters, they would become part of its method.
      const left = ["G ", "\0", "0\r\n\r\n", " \r\n", "\r\n(", "GET ", "HTTP/1.1 200 OK\r\n\r\n"];
      const body = toBody(random);
      const framed = random.oneIn(2)
        ? post(random, [`Content-Length: ${body.length}`], body)
        : post(random, [TE], `${toChunks(random, body)}${LAST}`);
      return `${random.oneIn(2) ? toValid(random) : ""}${framed}${random.pick(left)}`;
    },
  },
  {
    name: "content cut short",
    expects: "refused",
    make(random) {
      const method = toMethod(random);
      const body = toBody(random);
      // Longer than the request that follows every case, so that this request becomes content.
      const length = body.length + 200 + random.below(1000);
      return random.oneIn(2)
        ? toRequest(random, `${method} /`, [`Content-Length: ${length}`], body)
        : toRequest(random, `${method} /`, [TE], `${length.toString(16)}\r\n${body}`);
    },
  },
];
