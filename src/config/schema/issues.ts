/** Turns the schema's issues into diagnostics in the operator's words, one for each mistake. It does not import the schema library. */

import { toSuggestion, guessBoolean, isScalar } from "../hints/guess.ts";
import type { KeyHint } from "../hints/keys.ts";
import { didYouMean } from "../hints/did-you-mean.ts";

/** A path into the file: keys and indices. */
export type KeyPath = readonly PropertyKey[];

/** One mistake, located by its path. `at` says whether the key itself is wrong or its value. */
export interface KeyDiagnostic {
  readonly path: KeyPath;
  readonly at: "key" | "value";
  readonly message: string;
  /** Returns an addition to the message. Called only for a shown diagnostic, because it takes longer. */
  readonly hint?: (() => string) | undefined;
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: KeyPath;
  readonly message: string;
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
}

/** Creates the message of a value of the wrong kind. `hint` adds what the operator probably meant. */
export function mismatch(
  expected: string,
  hint: (input: unknown) => string = () => "",
): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    if (input === undefined) return `is missing: ${expected}`;
    return input === null
      ? `has no value: write ${expected}, or leave the key out`
      : `must be ${expected}, not ${describe(input)}${hint(input)}`;
  };
}

/** Other words for the known names: the names that yes, no and further words mean. */
export interface Synonyms<Name extends string> {
  readonly yes?: Name;
  readonly no?: Name;
  readonly words?: Readonly<Record<string, Name>>;
  /** The hint for a value that belongs in the mapping which is allowed, too. */
  readonly mapping?: (input: unknown) => string;
}

/** Creates the message of a word that is not one of the known names. */
export function notOneOf<Name extends string>(
  names: readonly Name[],
  synonyms: Synonyms<Name> = {},
): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    const expected = names.length === 1 ? `${names[0]} or a mapping` : `one of ${names.join(", ")}`;
    const meant = findSynonym(input, synonyms);
    const hint = toSuggestion(meant) || (synonyms.mapping?.(input) ?? "");
    if (typeof input !== "string") return mismatch(expected, () => hint)({ input });
    return `"${input}" is not ${expected}${hint || didYouMean(input, names)}`;
  };
}

function findSynonym<Name extends string>(
  input: unknown,
  { yes, no, words = {} }: Synonyms<Name>,
): Name | undefined {
  if (!isScalar(input)) return undefined;
  const word = String(input).toLowerCase();
  if (Object.hasOwn(words, word)) return words[word];
  const answer = guessBoolean(input);
  if (answer === undefined) return undefined;
  return answer ? yes : no;
}

/**
 * Creates the message of a mapping. For unknown keys it is the list of the known keys: `flattenIssues` makes a diagnostic of each unknown
 * key, and searches that list for the nearest key.
 */
export function listKeys(
  known: readonly string[],
  hint?: (input: unknown) => string,
): (issue: { readonly code?: string; readonly input?: unknown }) => string {
  return (issue) =>
    issue.code === "unrecognized_keys" ? known.join(" ") : mismatch("a mapping", hint)(issue);
}

/** Returns one diagnostic for each mistake. For a union, it takes the issues of the alternative that the operator meant. */
export function flattenIssues(
  issues: readonly Issue[],
  toHint: KeyHint,
  base: KeyPath = [],
): readonly KeyDiagnostic[] {
  return issues.flatMap((issue): readonly KeyDiagnostic[] => {
    const path = [...base, ...issue.path];
    if (issue.errors !== undefined)
      return flattenIssues(chooseAlternative(issue.errors), toHint, path);
    if (issue.code === "invalid_key") {
      return [
        {
          path,
          at: "key",
          message:
            "is not a name: letters, digits, _ . and -, beginning with a letter, a digit or _",
        },
      ];
    }
    if (issue.keys === undefined) return [{ path, at: "value", message: issue.message }];
    const known = issue.message.split(" ");
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: "key",
      message: "is not a known key",
      hint: () => toHint(key, known),
    }));
  });
}

/**
 * A union is "a scalar, a mapping or a list", in this order. The operator meant the last alternative whose kind of value is right, or the
 * first one if none is.
 */
function chooseAlternative(alternatives: readonly (readonly Issue[])[]): readonly Issue[] {
  const meant = alternatives.findLast(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  return meant ?? alternatives[0] ?? [];
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "number" || typeof value === "boolean")
    return `the ${typeof value} ${value}`;
  return "text";
}
