/** Families of requests over HTTP/2: header sections, content and trailers of every kind. */

import type { Random } from "../../shared/random.ts";
import type { Expectation } from "../case.ts";
import { SMUGGLED, toBody } from "../grammar.ts";
import type { Field } from "../strict.ts";
import { type StreamRequest, toConnection, toPseudo, toRegular, toSound } from "./grammar.ts";

/** Generates the frames of cases of one kind. */
export interface FrameFamily {
  readonly name: string;
  readonly expects: Expectation;
  make(random: Random): readonly string[];
}

function family(
  name: string,
  expects: Expectation,
  make: (random: Random) => StreamRequest | readonly StreamRequest[],
): FrameFamily {
  return {
    name: `h2: ${name}`,
    expects,
    make(random) {
      const made = make(random);
      const requests = "fields" in made ? [made] : made;
      // Sound requests before and behind it: a fault of one stream may not harm another.
      const around = (): StreamRequest[] => (random.oneIn(2) ? [toSound(random)] : []);
      return toConnection(random, [...around(), ...requests, ...around()]);
    },
  };
}

/** Replaces or drops a field. */
function withField(fields: readonly Field[], name: string, value?: string): Field[] {
  return fields.flatMap((field): Field[] =>
    field[0] !== name ? [field] : value === undefined ? [] : [[name, value]],
  );
}

/** Inserts fields anywhere. */
function inserted(random: Random, fields: readonly Field[], ...added: readonly Field[]): Field[] {
  const at = random.below(fields.length + 1);
  return [...fields.slice(0, at), ...added, ...fields.slice(at)];
}

/** A request with fields among its regular ones. */
function withRegular(random: Random, ...added: readonly Field[]): StreamRequest {
  const sound = toSound(random);
  const isPseudo = ([name]: Field): boolean => name.startsWith(":");
  const regular = sound.fields.filter((field) => !isPseudo(field));
  return {
    ...sound,
    fields: [...sound.fields.filter(isPseudo), ...inserted(random, regular, ...added)],
  };
}

const WRONG_PATHS = [
  "",
  "*",
  "a",
  "a.example",
  "?a",
  "http://b.example/",
  "/a b",
  "/a HTTP/1.1\r\nX: 1",
  "/a#b",
  "/\0",
  "/\x7f",
  "/\r\n\r\n" + SMUGGLED,
  " /",
  "/ ",
];
const WRONG_METHODS = [
  "",
  "GET ",
  "G T",
  "GET / HTTP/1.1\r\nX: 1",
  "GE(T",
  "PRI",
  "G\0",
  "\xe4",
  ":GET",
];
const WRONG_AUTHORITIES = [
  "",
  "u:p@a.example",
  "a b",
  "a.example/x",
  "a\r\nX: 1",
  "[::1",
  "a,b",
  "a\\b",
  "a?x",
  "http://a.example",
  "a.example:80:80",
  "a.ex\xe4mple",
  "a\0",
];
const WRONG_NAMES = [
  "X-A",
  "x-A",
  "",
  "x a",
  "x\0",
  "x\r\ny",
  "x:y",
  "x-\xe4",
  "x(a)",
  "x\t",
  " x",
  "host\r\nx",
  "transfer-encoding\0",
  '"x"',
  "x\n",
];
const WRONG_VALUES = [
  "a\r\nx-b: c",
  "a\nb",
  "a\rb",
  "a\0",
  "\x01",
  "\x7f",
  " a",
  "a ",
  "\ta",
  "a\t",
  "\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
  "\x0b",
];
const OF_CONNECTION: readonly Field[] = [
  ["connection", "close"],
  ["connection", "x-a"],
  ["keep-alive", "1"],
  ["proxy-connection", "close"],
  ["transfer-encoding", "chunked"],
  ["transfer-encoding", "identity"],
  ["upgrade", "websocket"],
  ["http2-settings", "AAMAAABkAAQAAP__"],
  ["te", "gzip"],
  ["te", "trailers, gzip"],
  ["te", "chunked"],
];
const HEAD_PATHS = [
  "/head-convert/x",
  "/head-auto/x",
  "/head-pass/x",
  "/head-observe/x",
  "/head-measure/x",
  "/head-probe/x",
];

/** Families of sound, odd and malformed requests. */
export const STREAM_FAMILIES: readonly FrameFamily[] = [
  family("sound", "accepted", (random) => toSound(random)),
  family("sound, many", "accepted", (random) =>
    Array.from({ length: 2 + random.below(7) }, () => toSound(random)),
  ),
  family("cookie crumbs", "accepted", (random) =>
    withRegular(
      random,
      ...Array.from({ length: 2 + random.below(4) }, (_, index): Field => [
        "cookie",
        `c${index}=${random.text("ab", 3)}`,
      ]),
    ),
  ),
  family("HEAD in every mode", "accepted", (random) =>
    Array.from({ length: 1 + random.below(4) }, (): StreamRequest => {
      const fields = [...toPseudo(random, "HEAD", random.pick(HEAD_PATHS)), ...toRegular(random)];
      return random.oneIn(3) ? { fields, body: toBody(random) } : { fields };
    }),
  ),
  family("HEAD that its route rejects", "refused", (random) => ({
    fields: toPseudo(random, "HEAD", "/head-reject/x"),
    body: random.pick([undefined, "x"]),
  })),
  family("pseudo-fields doubled, missing or unknown", "refused", (random) => {
    const sound = toSound(random, toPseudo(random, "GET", "/"));
    const [name, value] = random.pick<Field>(sound.fields.slice(0, 4));
    switch (random.below(3)) {
      case 0:
        return { ...sound, fields: [[name, random.oneIn(2) ? value : "/x"], ...sound.fields] };
      case 1:
        return { ...sound, fields: withField(sound.fields, name) };
      default:
        return {
          ...sound,
          fields: [
            [
              random.pick([":x", ":status", ":", ":Method", ":protocol", ":path "]),
              random.pick(["200", "x"]),
            ],
            ...sound.fields,
          ],
        };
    }
  }),
  family("pseudo-fields behind others", "refused", (random) => {
    const { fields, ...rest } = toSound(random);
    const at = 1 + random.below(4);
    return { ...rest, fields: [...fields.slice(0, at - 1), ["x-a", "b"], ...fields.slice(at - 1)] };
  }),
  family("malformed pseudo-fields", "refused", (random) => {
    const { fields, ...rest } = toSound(random, toPseudo(random, "GET", "/"));
    const [name, values] = random.pick([
      [":path", WRONG_PATHS],
      [":method", WRONG_METHODS],
      [":authority", WRONG_AUTHORITIES],
      [":scheme", ["", " ", "h\0", "1", "a b"]],
    ] as const);
    return { ...rest, fields: withField(fields, name, random.pick(values)) };
  }),
  family("OPTIONS *", "either", (random) => toSound(random, toPseudo(random, "OPTIONS", "*"))),
  family("odd schemes", "either", (random) => {
    const { fields, ...rest } = toSound(random);
    return {
      ...rest,
      fields: withField(
        withField(fields, ":scheme", random.pick(["ftp", "x", "HTTP", "ws"])),
        ":path",
        random.pick(["/", "a", "http://b.example/", "*", "/a#b"]),
      ),
    };
  }),
  family("malformed names", "either", (random) =>
    withRegular(random, [random.pick(WRONG_NAMES), random.pick(["a", "", "chunked"])]),
  ),
  family("malformed values", "either", (random) =>
    withRegular(random, [
      random.pick(["x-a", "cookie", "host", "content-length", "te", "expect"]),
      random.pick(WRONG_VALUES),
    ]),
  ),
  family("fields of a connection", "refused", (random) =>
    withRegular(random, random.pick(OF_CONNECTION)),
  ),
  family("TE: trailers", "accepted", (random) =>
    withRegular(random, ["te", random.pick(["trailers", "Trailers"])]),
  ),
  family("Host beside :authority", "either", (random) =>
    withRegular(random, [
      "host",
      random.pick(["a.example", "A.EXAMPLE", "b.example", "", "a.example:80", "a b"]),
    ]),
  ),
  family("Host in place of :authority", "accepted", (random) => {
    const { fields, ...rest } = toSound(random);
    return {
      ...rest,
      fields: [
        ...withField(fields, ":authority"),
        ["host", random.pick(["a.example", "b.example:80"])],
      ],
    };
  }),
  family("a Content-Length that lies", "either", (random) => {
    const body = toBody(random);
    const length = random.pick([
      body.length + 1 + random.below(300),
      Math.max(0, body.length - 1 - random.below(9)),
      10 ** 15,
      0,
    ]);
    const fields: Field[] = [
      ...toPseudo(random, random.pick(["POST", "PUT", "GET", "DELETE"]), "/"),
      ...toRegular(random),
      ["content-length", String(length === body.length ? length + 1 : length)],
    ];
    return { fields, body: length > 0 && random.oneIn(8) ? undefined : body };
  }),
  family("a HEAD whose Content-Length lies", "either", (random) => {
    const body = toBody(random);
    return {
      fields: [...toPseudo(random, "HEAD"), ["content-length", String(random.below(200))]],
      body: random.oneIn(3) ? undefined : body,
    };
  }),
  family("odd Content-Length", "refused", (random) => {
    const body = toBody(random) || "x";
    const n = String(body.length);
    const values = [
      [`+${n}`],
      [`${n}, ${n}`],
      [n, n],
      [n, "0"],
      [""],
      ["x"],
      [`${n}.0`],
      [`0x${n}`],
      ["18446744073709551616"],
      [`-${n}`],
    ];
    return {
      fields: [
        ...toPseudo(random, "POST", "/"),
        ...random.pick(values).map((value): Field => ["content-length", value]),
      ],
      body,
    };
  }),
  family("trailers", "accepted", (random) => {
    const names = ["x-a", "x-b", "age", "content-type", "cookie", "grpc-status"];
    const trailers = Array.from({ length: 1 + random.below(4) }, (): Field => [
      random.pick(names),
      random.pick(["a", "", "\xe4"]),
    ]);
    return {
      fields: [...toPseudo(random, random.pick(["POST", "PUT", "GET"])), ...toRegular(random)],
      body: toBody(random),
      trailers,
    };
  }),
  family("malformed trailers", "either", (random) => {
    const trailer = random.pick<Field>([
      [":path", "/x"],
      [":status", "200"],
      ["connection", "close"],
      ["transfer-encoding", "chunked"],
      ["X-A", "b"],
      ["x\0", "a"],
      ["x-a", "b\r\nc: d"],
      ["", "x"],
      ["content-length", "5"],
      ["te", "gzip"],
      ["host", ""],
    ]);
    return {
      fields: [...toPseudo(random, "POST"), ...toRegular(random)],
      body: toBody(random),
      trailers: inserted(random, [["x-a", "b"]], trailer),
    };
  }),
  family("trailers that do not end the stream", "either", (random) => ({
    fields: toPseudo(random, "POST"),
    body: toBody(random),
    trailers: [["x-a", "b"]],
    end: "open",
  })),
  family("Expect", "either", (random) => ({
    fields: [
      ...toPseudo(random, random.pick(["POST", "PUT", "HEAD"])),
      ["expect", random.pick(["100-continue", "100-Continue", "x", "200-ok"])],
    ],
    body: random.oneIn(4) ? undefined : toBody(random),
  })),
  family("CONNECT", "refused", (random) => {
    const fields: Field[] = [
      [":method", "CONNECT"],
      [":authority", random.pick(["a.example:443", "a.example"])],
    ];
    const more: Field[] = random.pick([
      [],
      [[":path", "/"]],
      [
        [":scheme", "http"],
        [":path", "/"],
      ],
    ]);
    return {
      fields: [...fields, ...more, ...toRegular(random)],
      body: random.pick([undefined, "x", SMUGGLED]),
    };
  }),
  family("extended CONNECT", "either", (random) => ({
    fields: [
      ...toPseudo(random, "CONNECT", "/chat"),
      [":protocol", random.pick(["websocket", "WebSocket", "x", "", "websocket\0"])] as Field,
      ...toRegular(random),
      ...random.pick<Field[]>([
        [],
        [["sec-websocket-version", "13"]],
        [["content-length", "5"]],
        [["expect", "100-continue"]],
        [["sec-websocket-key", "x"]],
      ]),
    ],
    body: random.pick([undefined, "x", SMUGGLED]),
    end: random.pick(["whole", "open", "reset"]),
  })),
  family("a client that resets, or does not end", "either", (random) =>
    Array.from({ length: 1 + random.below(4) }, (): StreamRequest => ({
      ...toSound(random),
      end: random.pick(["reset", "open", "whole"]),
    })),
  ),
  family("too much", "either", (random) => {
    const size = 34_000 + random.below(40_000);
    const added: readonly Field[] = random.pick([
      [["x-a", "a".repeat(size)]],
      Array.from({ length: 300 }, (): Field => ["x", ""]),
      Array.from({ length: 200 }, (): Field => ["cookie", "a".repeat(200)]),
    ]);
    return withRegular(random, ...added);
  }),
];
