/** The schema of an address to listen on. */

import * as z from "zod";
import { MODE_SYNTAX, parseMode } from "../address.ts";
import type { Address } from "../address.ts";
import { guessAddress, guessAddressOrOff } from "../hints/guess-address.ts";
import type { TextSyntax } from "../text-syntax.ts";
import { dependsOnText, mapping, scalar } from "./scalars.ts";

interface ListenAddressKind<Place> {
  readonly parse: (text: string) => Place;
  readonly syntax: TextSyntax;
  readonly examples: readonly string[];
  /** The default mode of a Unix socket, in octal digits. */
  readonly preset: string;
}

/** An address as a text, or as a mapping with the mode of its Unix socket. */
export function listenAddress<Place extends Address | "off">({
  parse,
  syntax,
  examples,
  preset,
}: ListenAddressKind<Place>) {
  const isOptional = examples.includes("off");
  const address = () =>
    scalar({
      title: "address",
      expected: `an address such as 0.0.0.0:8080${isOptional ? ", or off" : ""}`,
      parse,
      guess: isOptional ? guessAddressOrOff : guessAddress,
      syntax,
      examples,
    });
  const placed = mapping({
    address: address().meta({ description: "The address, as it is written without a mapping." }),
    mode: scalar({
      title: "file mode",
      expected: `a file mode in quotes such as "${preset}"`,
      parse: parseMode,
      syntax: MODE_SYNTAX,
      examples: [preset, "0660"],
    })
      .optional()
      .meta({
        description: `The permissions of a Unix socket's file, which control who may connect; "${preset}" when left out. A reload may change it.`,
      }),
  })
    .superRefine(({ address: where, mode }, context) => {
      if (mode === undefined || isUnix(where)) return;
      const message = "is the mode of a Unix socket, and the address is none";
      context.addIssue({ code: "custom", path: ["mode"], message });
    })
    .meta({ ...dependsOnText("mode", "address", "^unix:") });
  return z
    .union([address(), placed])
    .transform((written) =>
      typeof written === "object" && "address" in written
        ? withMode<Place>(written.address, written.mode ?? parseMode(preset))
        : withMode<Place>(written, parseMode(preset)),
    );
}

type UnixAddress = Extract<Address, { kind: "unix" }>;

function withMode<Place extends Address | "off">(where: Place, mode: number): Place | UnixAddress {
  return isUnix(where) ? { kind: "unix", path: where.path, mode } : where;
}

function isUnix(where: Address | "off"): where is UnixAddress {
  return where !== "off" && where.kind === "unix";
}
