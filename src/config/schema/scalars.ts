/** The kinds of values in the route file, each with the message for an invalid value. */

import * as z from "zod/mini";
import {
  toSuggestion,
  guessBoolean,
  guessDuration,
  guessItems,
  guessNumber,
  guessSize,
} from "../hints/guess.ts";
import { listKeys, mismatch, notOneOf } from "./issues.ts";
import type { Synonyms } from "./issues.ts";
import { toKeywords } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";
import type { TextSyntax } from "../text-syntax.ts";
import { ABOVE_ZERO, durationSyntax, parseDuration, parseSize, sizeSyntax } from "../units.ts";

// zod would compile each mapping to a function of its own. That takes longer than to check a route file, even a large one.
z.config({ jitless: true });

/** Adds keywords to the JSON Schema of a value. Returns the same schema. */
export function described<Schema>(schema: Schema & z.core.SomeType, meta: JsonSchema): Schema {
  // The parameter has no narrower type, because TypeScript would then infer `string` for the names of `oneOf`.
  const known = schema as unknown as z.ZodMiniType;
  z.globalRegistry.add(known, { ...z.globalRegistry.get(known), ...meta });
  return schema;
}

interface ScalarKind<Value> {
  readonly title: string;
  /** For the message if the value is no text. */
  readonly expected: string;
  readonly parse: (text: string) => Value;
  /** The syntax that `parse` accepts, for the JSON Schema. */
  readonly syntax: TextSyntax;
  readonly examples: readonly string[];
  /** Guesses what the operator meant by an invalid value. */
  readonly guess?: (input: unknown) => string | undefined;
}

/** A text with its own syntax. `parse` throws a RangeError that says what is wrong. */
export function scalar<Value>({
  title,
  expected,
  parse,
  syntax,
  examples,
  guess,
}: ScalarKind<Value>) {
  const hint = (input: unknown): string => toSuggestion(checkGuess(guess?.(input), parse));
  const text = described(z.string({ error: mismatch(expected, hint) }), {
    title,
    examples,
    ...toKeywords(syntax),
  });
  return z.pipe(
    text,
    z.transform((written: string, context): Value => {
      try {
        return parse(written);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        const message = `${error.message}${hint(written)}`;
        context.issues.push({ code: "custom", message, input: written });
        return z.NEVER;
      }
    }),
  );
}

/** Drops a guess that is invalid itself. */
function checkGuess(
  guess: string | undefined,
  parse: (text: string) => unknown,
): string | undefined {
  try {
    if (guess !== undefined) parse(guess);
    return guess;
  } catch {
    return undefined;
  }
}

/** A duration in milliseconds, with its own syntax in the JSON Schema. */
export const durationWith = (syntax: TextSyntax) =>
  scalar({
    title: "duration",
    expected: "a duration such as 250ms or 5s",
    parse: parseDuration,
    guess: guessDuration,
    syntax,
    examples: ["250ms", "5s", "1m"],
  });

const DURATION = durationSyntax("duration");

/** A duration in milliseconds. */
export const duration = () => durationWith(DURATION);

const POSITIVE_DURATION = durationSyntax("positiveDuration", { min: ABOVE_ZERO });

/** A duration in milliseconds above 0, for limits that would expire at once if they were 0. */
export const positiveDuration = () =>
  durationWith(POSITIVE_DURATION).check(
    z.refine((milliseconds) => milliseconds > 0, "must be longer than 0"),
  );

const sizeWith = (syntax: TextSyntax, examples: readonly string[]) =>
  scalar({
    title: "size",
    expected: "a size such as 512B or 64KiB",
    parse: parseSize,
    guess: guessSize,
    syntax,
    examples,
  });

/** A size in bytes. */
export const size = () => sizeWith(sizeSyntax("size"), ["512B", "64KiB", "1MiB"]);

/** A smaller limit would refuse a browser's requests. No header section needs a larger one. */
const [MIN_HEADER_BYTES, MAX_HEADER_BYTES] = [1024, 1024 ** 2];
const HEADER_SIZE = sizeSyntax("headerSize", { min: MIN_HEADER_BYTES, max: MAX_HEADER_BYTES });

/** The size of a header section in bytes. */
export const headerSize = () =>
  sizeWith(HEADER_SIZE, ["16KiB", "64KiB"]).check(
    z.refine(
      (bytes) => bytes >= MIN_HEADER_BYTES && bytes <= MAX_HEADER_BYTES,
      "must be between 1KiB and 1MiB",
    ),
  );

/** A text that is not empty. */
export const text = (title: string, expected: string, example: string) =>
  described(z.string({ error: mismatch(expected) }).check(z.minLength(1, "is empty")), {
    title,
    examples: [example],
  });

/** A whole number from `min` to `max`. */
export const count = (min: number, max: number) =>
  z
    .int({ error: mismatch("a whole number", guessNumber) })
    .check(z.minimum(min, `must be at least ${min}`), z.maximum(max, `must be at most ${max}`));

/** One of several words. */
export const oneOf = <Name extends string>(names: readonly Name[], synonyms: Synonyms<Name> = {}) =>
  z.enum(names, { error: notOneOf(names, synonyms) });

/** true or false. */
export const yesOrNo = () => z.boolean({ error: mismatch("true or false", hintOfBoolean) });

/** A list of values of one kind. */
export const list = <Item extends z.ZodMiniType>(item: Item, expected: string) =>
  z.array(item, {
    error: mismatch(expected, (input) => {
      const items = guessItems(input);
      const isRight = items.length > 0 && items.every((one) => item.safeParse(one).success);
      return isRight ? `; did you mean [${items.join(", ")}]?` : "";
    }),
  });

/** A mapping with only these keys. */
export const mapping = <Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  hint: (input: unknown) => string = (input) => hintOfKeys(shape, input),
) => z.strictObject(shape, { error: listKeys(Object.keys(shape), hint) });

/** A longer list of keys would not help the operator to find the right one. */
const MAX_KEYS_SHOWN = 8;

/** The hint for a value in place of a mapping: the only key that could have it (`drain: 64KiB` means its `bytes`), or all keys. */
function hintOfKeys(shape: z.core.$ZodLooseShape, input: unknown): string {
  const keys = Object.keys(shape);
  const others = keys.length > MAX_KEYS_SHOWN ? "" : `: its keys are ${keys.join(", ")}`;
  return hintOfOnlyKey(shape, input) ?? others;
}

/** The keys that the hint names if several could have the value: of a route, and of `shutdown`. */
const PREFERRED_KEYS = new Set(["path", "grace"]);

/** Suggests the mapping that the operator meant, if only one of its keys, or a preferred one, could have the value. */
export function hintOfOnlyKey(shape: z.core.$ZodLooseShape, input: unknown): string | undefined {
  const items = Array.isArray(input) ? input : [input];
  // Booleans are left out: `tls: false` does not mean `verify: false`.
  if (!items.every((one) => typeof one === "string" || typeof one === "number")) return undefined;
  const keys = Object.keys(shape).filter((key) => z.safeParse(shape[key], input).success);
  const value = Array.isArray(input) ? `[${input.join(", ")}]` : String(input);
  const key = keys.length === 1 ? keys[0] : keys.find((one) => PREFERRED_KEYS.has(one));
  return key === undefined ? undefined : `; did you mean { ${key}: ${value} }?`;
}

/** The hint for a value that may mean true or false. */
export function hintOfBoolean(input: unknown): string {
  const meant = guessBoolean(input);
  if (meant === undefined) return "";
  return input === String(meant)
    ? `; did you mean ${input}, without quotes?`
    : `; did you mean ${meant}?`;
}

/** Requires in the JSON Schema: if a mapping has `key`, the text of `other` matches the pattern or contains a variable. */
export function dependsOnText(key: string, other: string, pattern: string): JsonSchema {
  const value: JsonSchema = { type: "string", pattern: `${pattern}|\\$\\{` };
  return { dependencies: { [key]: { type: "object", properties: { [other]: value } } } };
}
