/** Requests that affect their connection: upgrades, expectations, versions, closes. */

import type { Family } from "./case.ts";
import { SMUGGLED, toBody, toFramed, toMethod, toRequest, toValid } from "./grammar.ts";

/** Families of requests that may change how the connection continues. */
export const CONNECTION_FAMILIES: readonly Family<string>[] = [
  {
    name: "Upgrade, then more bytes",
    expects: "refused",
    make: (random) =>
      toRequest(random, `${random.pick(["GET", "POST", "OPTIONS"])} /`, [
        `Connection: ${random.pick(["Upgrade", "upgrade, keep-alive", "X, Upgrade"])}`,
        `Upgrade: ${random.pick(["websocket", "WebSocket, h2c", "foo/1"])}`,
      ]) + random.pick([SMUGGLED, toValid(random), "\x81\x05hello"]),
  },
  {
    name: "Upgrade with content, then more bytes",
    expects: "refused",
    make: (random) =>
      toFramed(
        random,
        `${random.pick(["POST", "PUT", "GET"])} /`,
        [`Connection: ${random.pick(["Upgrade", "upgrade, keep-alive"])}`, "Upgrade: tcp"],
        toBody(random),
      ) + random.pick([SMUGGLED, toValid(random)]),
  },
  {
    name: "Upgrade that is not followed",
    expects: "accepted",
    make: (random) =>
      toRequest(random, `${random.pick(["GET", "HEAD"])} /`, [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
      ]) + toValid(random),
  },
  {
    name: "Expect",
    expects: "accepted",
    make: (random) =>
      // A server may respond to empty content without a 100, and then close the connection (RFC 9110 §10.1.1).
      toFramed(
        random,
        `${random.pick(["POST", "PUT"])} /`,
        [`Expect: ${random.pick(["100-continue", "100-Continue"])}`],
        toBody(random) || "x",
      ) + toValid(random),
  },
  {
    name: "unknown Expect",
    expects: "refused",
    make: (random) =>
      toFramed(random, "POST /", [`Expect: ${random.pick(["x", "100-continue, x", "200-ok"])}`]),
  },
  {
    name: "HTTP/1.0",
    expects: "either",
    make(random) {
      const kept = random.oneIn(2) ? ["Connection: keep-alive"] : [];
      const body = toBody(random);
      const request = random.oneIn(2)
        ? toRequest(random, `${toMethod(random)} /`, kept)
        : toRequest(
            random,
            `${toMethod(random)} /`,
            [...kept, `Content-Length: ${body.length}`],
            body,
          );
      return request.replace(" HTTP/1.1\r\n", " HTTP/1.0\r\n") + (random.oneIn(2) ? SMUGGLED : "");
    },
  },
  {
    name: "Connection: close, then more",
    expects: "refused",
    make: (random) =>
      toRequest(random, `${toMethod(random)} /`, [
        `Connection: ${random.pick(["close", "Close, x", "keep-alive, close"])}`,
      ]) + SMUGGLED,
  },
];
