/** Reads the command lines of the tools. */

import { type ParseArgsConfig, parseArgs } from "node:util";

type Flags = NonNullable<ParseArgsConfig["options"]>;
type Values<F extends Flags> = ReturnType<typeof parseArgs<{ options: F }>>["values"];

/** Reads the flags of a command line. Returns undefined if `--help` is among them, and throws on an unknown flag. */
export function readFlags<const F extends Flags>(
  args: readonly string[],
  flags: F,
): Values<F> | undefined {
  const options: Flags = { ...flags, help: { type: "boolean" } };
  const { values } = parseArgs({ args: [...args], options });
  return values["help"] === true ? undefined : (values as Values<F>);
}

/** A number of at least 0; fractions are allowed. */
export function toNumber(flag: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${flag} takes a number, not ${text}`);
  return Number(text);
}

/** An integer of at least `min`. */
export function toCount(flag: string, text: string, min = 1): number {
  const count = toNumber(flag, text);
  if (Number.isSafeInteger(count) && count >= min) return count;
  throw new Error(`--${flag} takes a whole number of at least ${min}, not ${text}`);
}

/** The given seed, or a new one. */
export function toSeed(text: string | undefined): number {
  return text === undefined ? Math.floor(Math.random() * 1e9) : toCount("seed", text, 0);
}

/** Known names, separated by commas. */
export function toNames<Name extends string>(
  flag: string,
  text: string,
  known: readonly Name[],
): readonly Name[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown === undefined) return names as Name[];
  throw new Error(`--${flag} knows no ${unknown}; there are ${known.join(", ")}`);
}
