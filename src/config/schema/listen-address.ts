/** The schemas of an address to listen on: of the admin port, and of the listeners for clients. */

import * as z from "zod/mini";
import { ADDRESS_SYNTAX, MODE_SYNTAX, parseAddress, parseMode } from "../address.ts";
import type { Address } from "../address.ts";
import { guessAddress, guessAddressOrOff } from "../hints/guess-address.ts";
import type { TextSyntax } from "../text-syntax.ts";
import { isScalar } from "../hints/guess.ts";
import { mismatch } from "./issues.ts";
import type { JsonSchema } from "./json-schema.ts";
import {
  dependsOnText,
  described,
  hintOfBoolean,
  list,
  mapping,
  oneOf,
  scalar,
  text,
  yesOrNo,
} from "./scalars.ts";

interface ListenAddressKind<Place> {
  readonly parse: (text: string) => Place;
  readonly syntax: TextSyntax;
  readonly examples: readonly string[];
  /** The default mode of a Unix socket, in octal digits. */
  readonly preset: string;
}

function address<Place extends Address | "off">({
  parse,
  syntax,
  examples,
}: ListenAddressKind<Place>) {
  const isOptional = examples.includes("off");
  return scalar({
    title: "address",
    expected: `an address such as 0.0.0.0:8080${isOptional ? ", or off" : ""}`,
    parse,
    guess: isOptional ? guessAddressOrOff : guessAddress,
    syntax,
    examples,
  });
}

/** The keys of an address as a mapping. */
function placeShape<Place extends Address | "off">(kind: ListenAddressKind<Place>) {
  const { preset } = kind;
  return {
    address: described(address(kind), {
      description: "The address, as it is written without a mapping.",
    }),
    mode: described(
      z.optional(
        scalar({
          title: "file mode",
          expected: `a file mode in quotes such as "${preset}"`,
          parse: parseMode,
          syntax: MODE_SYNTAX,
          examples: [preset, "0660"],
        }),
      ),
      {
        description: `The permissions of a Unix socket's file, which control who may connect; "${preset}" when left out. A reload may change it.`,
      },
    ),
  };
}

interface Placed {
  readonly address: Address | "off";
  readonly mode?: number | undefined;
}

function checkMode({ address: where, mode }: Placed, context: z.core.$RefinementCtx): void {
  if (mode === undefined || isUnix(where)) return;
  const message = "is the mode of a Unix socket, and the address is none";
  context.addIssue({ code: "custom", path: ["mode"], message });
}

const MODE_NEEDS_SOCKET = dependsOnText("mode", "address", "^unix:");

/** An address as a text, or as a mapping with the mode of its Unix socket. */
export function listenAddress<Place extends Address | "off">(kind: ListenAddressKind<Place>) {
  const placed = described(mapping(placeShape(kind)).check(z.superRefine(checkMode)), {
    ...MODE_NEEDS_SOCKET,
  });
  const preset = parseMode(kind.preset);
  return z.pipe(
    z.union([address(kind), placed]),
    z.transform((written) =>
      typeof written === "object" && "address" in written
        ? withMode<Place>(written.address, written.mode ?? preset)
        : withMode<Place>(written, preset),
    ),
  );
}

const PEM = "the path of a PEM file";

const certificate = {
  cert: described(text("file", PEM, "tls.crt"), {
    description:
      "PEM file of the certificate and its intermediate certificates. The path is relative to the route file. headgate takes a changed file without a restart.",
  }),
  key: described(text("file", PEM, "tls.key"), {
    description: "PEM file of the private key of cert.",
  }),
};

/** Other spellings of the versions: without quotes, and as OpenSSL and nginx name them. */
const VERSIONS = {
  words: { "1.2": "1.2", "1.3": "1.3", "tlsv1.2": "1.2", "tlsv1.3": "1.3" },
} as const;

/** Requires in the JSON Schema that clientCA stands beside these keys. `forwardClientCert: false` has no effect and needs none. */
const NEEDS_CLIENT_CA: Readonly<Record<string, readonly string[] | JsonSchema>> = {
  clientAuth: ["clientCA"],
  forwardClientCert: {
    type: "object",
    anyOf: [
      { required: ["clientCA"] },
      { properties: { forwardClientCert: { not: { enum: [true] } } } },
    ],
  },
};

/** The TLS settings of a listener. */
export const listenerTls = described(
  mapping({
    ...certificate,
    clientCA: described(z.optional(text("file", PEM, "clients.crt")), {
      description: "PEM file of the authorities of client certificates (mutual TLS).",
    }),
    clientAuth: described(z.optional(oneOf(["require", "request"])), {
      description:
        "Needs clientCA. require (the default with clientCA): a client without a valid certificate gets no connection. request: a client may come without one, but an invalid one is refused.",
    }),
    minVersion: described(z.prefault(oneOf(["1.2", "1.3"], VERSIONS), "1.2"), {
      description: "The lowest version of TLS that clients may use, in quotes.",
    }),
    certificates: described(
      z.prefault(list(mapping(certificate), "a list of certificates with cert and key"), []),
      {
        description:
          "Further certificates. A client gets the one whose names match the name that it asks for (SNI), otherwise cert.",
      },
    ),
    forwardClientCert: described(z.prefault(yesOrNo(), false), {
      description:
        "Whether the upstream receives the client's certificate in X-Forwarded-Client-Cert (hash, subject and names, as Envoy writes them). Needs clientCA.",
    }),
  }),
  {
    description: "TLS for clients, see tls.md.",
    dependencies: NEEDS_CLIENT_CA,
  },
);

/** An https URL gets no suggestion of its address alone, which would be a listener without TLS. */
function parseListenAddress(written: string): Address {
  if (/^https:/i.test(written))
    throw new RangeError(`"${written}" is a URL: for TLS, write a mapping with address and tls`);
  return parseAddress(written);
}

const LISTEN: ListenAddressKind<Address> = {
  parse: parseListenAddress,
  syntax: ADDRESS_SYNTAX,
  examples: [":8080", "[::]:8080", "unix:/run/headgate.sock"],
  preset: "0666",
};

/** A listener for clients as a mapping. */
export const listenerMapping = described(
  mapping({
    ...placeShape(LISTEN),
    tls: z.optional(listenerTls),
    http2: described(z.prefault(yesOrNo(), false), {
      description:
        "Whether clients may use HTTP/2: with tls, if they ask for it (ALPN); without tls, if they begin with it (prior knowledge).",
    }),
    proxyProtocol: described(
      z.prefault(
        z.literal([true, false, "optional"], {
          error: mismatch("true, false or optional", hintOfProxyProtocol),
        }),
        false,
      ),
      {
        description:
          "true: each connection begins with a PROXY protocol header (version 1 or 2), which tells the client's address; only peers in forwarded.trust may connect. optional: these may come without a header, and other peers do. See tls.md.",
      },
    ),
  }).check(z.superRefine(checkMode)),
  { ...MODE_NEEDS_SOCKET },
);

const DEFAULTS = { tls: undefined, http2: false, proxyProtocol: false } as const;

function listener() {
  const preset = parseMode(LISTEN.preset);
  return z.pipe(
    z.union([address(LISTEN), listenerMapping]),
    z.transform((written) =>
      "kind" in written
        ? { ...DEFAULTS, address: withMode<Address>(written, preset) }
        : {
            ...toListener(written),
            address: withMode<Address>(written.address, written.mode ?? preset),
          },
    ),
  );
}

function toListener({ tls, http2, proxyProtocol }: z.output<typeof listenerMapping>) {
  return { tls, http2, proxyProtocol };
}

/** A listener of the raw configuration. TLS files are not read yet. */
export type RawListener = z.output<ReturnType<typeof listener>>;

/** One listener, or a list of them. */
export function listeners() {
  const several = z.array(listener(), {
    error: mismatch("an address, a mapping or a list of these"),
  });
  return z.pipe(
    z.union([listener(), several.check(z.minLength(1, "is an empty list"))]),
    z.transform((written): readonly RawListener[] =>
      Array.isArray(written) ? written : [written],
    ),
  );
}

/** headgate reads both versions of the PROXY protocol. */
function hintOfProxyProtocol(input: unknown): string {
  const isVersion = isScalar(input) && /^v?[12]$/i.test(String(input));
  return isVersion ? "; did you mean true?" : hintOfBoolean(input);
}

type UnixAddress = Extract<Address, { kind: "unix" }>;

function withMode<Place extends Address | "off">(where: Place, mode: number): Place | UnixAddress {
  return isUnix(where) ? { kind: "unix", path: where.path, mode } : where;
}

function isUnix(where: Address | "off"): where is UnixAddress {
  return where !== "off" && where.kind === "unix";
}
