/** What a client may send on a TLS port in place of TLS, within its handshake, and within its session. */

import type { Expectation } from "./case.ts";
import { RECORD, toClientHello, toJunk, toRecord, toRecords } from "./client-hello.ts";
import { SMUGGLED, toFramed, toMethod, toTarget, toValid } from "./grammar.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "../shared/random.ts";

/** Generates the bytes of cases of one kind. */
export interface TlsFamily {
  readonly name: string;
  readonly expects: Expectation;
  /** Whether the bytes follow a handshake and one exchange. */
  readonly isInside: boolean;
  make(random: Random): string;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function toAnyRecord(random: Random): string {
  const type = random.oneIn(4) ? random.below(256) : random.pick(Object.values(RECORD));
  const version = random.oneIn(4) ? toJunk(random, 2) : "\x03\x03";
  return toRecord(type, toJunk(random, random.pick([0, 1, 2, 40, 2000])), version);
}

function toSomeRecords(random: Random): string {
  return Array.from({ length: 1 + random.below(4) }, () => toAnyRecord(random)).join("");
}

function toAnyJunk(random: Random): string {
  switch (random.below(5)) {
    case 0:
      return toJunk(random, 1 + random.below(60));
    case 1:
      return SMUGGLED;
    case 2: // a record that is longer than TLS allows (RFC 8446 §5.2), as far as it comes
      return `\x17\x03\x03${random.pick(["\xff\xff", "\x41\x01"])}${toJunk(random, random.below(500))}`;
    case 3: // an alert that nothing protects: close_notify, or a fatal one
      return toRecord(RECORD.alert, random.pick(["\x01\0", "\x02\x28"]));
    default:
      return toSomeRecords(random);
  }
}

/** Families of bytes on a TLS port. They are accepted if headgate sends its part of a handshake, or responds inside a session. */
export const TLS_FAMILIES: readonly TlsFamily[] = [
  {
    name: "TLS: a ClientHello in records of any size",
    expects: "accepted",
    isInside: false,
    make: (random) => toRecords(random, toClientHello(random)),
  },
  {
    name: "TLS: a ClientHello, then junk",
    expects: "either",
    isInside: false,
    make: (random) => toRecords(random, toClientHello(random)) + toAnyJunk(random),
  },
  {
    name: "TLS: a ClientHello cut short",
    expects: "refused",
    isInside: false,
    make(random) {
      const hello = toRecords(random, toClientHello(random));
      return hello.slice(0, 1 + random.below(hello.length - 1));
    },
  },
  {
    name: "TLS: a mutated ClientHello",
    expects: "either",
    isInside: false,
    make: (random) => mutate(random, toRecords(random, toClientHello(random))),
  },
  {
    name: "TLS: records that are no ClientHello",
    expects: "refused",
    isInside: false,
    make: (random) => toSomeRecords(random) + random.pick(["", SMUGGLED]),
  },
  {
    name: "TLS: junk in place of the handshake",
    expects: "refused",
    isInside: false,
    make: (random) => toJunk(random, 1 + random.below(300)),
  },
  {
    name: "TLS: HTTP in place of the handshake",
    expects: "refused",
    isInside: false,
    make: (random) =>
      random.pick([
        () => toValid(random),
        () => toFramed(random, `${toMethod(random)} ${toTarget(random)}`, []),
        () => PREFACE,
      ])(),
  },
  {
    name: "TLS: junk inside a session",
    expects: "accepted",
    isInside: true,
    make: (random) => toAnyJunk(random) + random.pick(["", SMUGGLED, toAnyJunk(random)]),
  },
];
