/** Reads the arguments of all commands by the same rules. */

import { type ParseArgsConfig, parseArgs } from "node:util";

import { didYouMean } from "../config/hints/did-you-mean.ts";
import { hideInLine, hideInMessage } from "../http/secrets.ts";

/** The operator called a command wrongly; the message says what to write instead. It hides a password in an argument that it repeats. */
export class UsageError extends Error {
  constructor(message: string) {
    super(hideInMessage(message));
    this.name = "UsageError";
  }
}

/** The arguments of one call. */
export interface Arguments {
  /** By flag, without its dashes; if a flag is repeated, the last value counts. */
  readonly values: ReadonlyMap<string, string>;
  readonly switches: ReadonlySet<string>;
  /** All values of a repeatable flag, in order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/** The flags of one command. */
export interface Flags {
  /** Flags with a value: `--listen ADDR` or `--listen=ADDR`. */
  readonly values?: readonly string[];
  /** Flags without a value. */
  readonly switches?: readonly string[];
  /** Repeatable flags with a value, with a letter if they have one: `-H VALUE`. */
  readonly lists?: readonly (readonly [name: string, letter?: string])[];
  readonly maxPositionals?: number;
}

/** Reads the arguments. Throws a UsageError for an unknown flag, a missing value or too many arguments. */
export function readArguments(
  args: readonly string[],
  { values = [], switches = [], lists = [], maxPositionals = 0 }: Flags,
): Arguments {
  const options = Object.fromEntries([
    ...values.map((name) => [name, { type: "string" as const }]),
    ...switches.map((name) => [name, { type: "boolean" as const }]),
    ...lists.map(([name, short]) => [
      name,
      { type: "string" as const, ...(short !== undefined && { short }), multiple: true },
    ]),
  ]);
  const parsed = parse(args, options);
  if (parsed.positionals.length > maxPositionals) {
    const unexpected = hideInLine(parsed.positionals[maxPositionals] ?? "");
    throw new UsageError(`Unexpected argument '${unexpected}'`);
  }
  const given = Object.entries(parsed.values);
  return {
    values: new Map(
      given.flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
    ),
    switches: new Set(given.flatMap(([name, value]) => (value === true ? [name] : []))),
    lists: new Map(
      given.flatMap(([name, value]) => (Array.isArray(value) ? [[name, value.map(String)]] : [])),
    ),
    positionals: parsed.positionals,
  };
}

function parse(
  args: readonly string[],
  options: NonNullable<ParseArgsConfig["options"]>,
): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [first = message] = message.split(". ");
    const [, unknown = ""] = /^Unknown option '(--[^']+)'/.exec(first) ?? [];
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new UsageError(`${first}${didYouMean(unknown, known)}`);
  }
}
