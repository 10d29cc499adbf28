/** A schema's complaints, in the operator's words: one finding per mistake. Knows their shape only, not the library. */

import { toSuggestion, guessBoolean, isScalar } from "../hints/guess.ts";
import type { KeyHint } from "../hints/keys.ts";
import { didYouMean } from "../hints/did-you-mean.ts";

/** A path into the file: keys and indices. */
export type KeyPath = readonly PropertyKey[];

/** One mistake; `at` says whether the key itself is wrong or its value. */
export interface KeyDiagnostic {
  readonly path: KeyPath;
  readonly at: "key" | "value";
  readonly message: string;
  /** Adds to the message what takes longer to find: only what is shown is asked. */
  readonly hint?: (() => string) | undefined;
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: KeyPath;
  readonly message: string;
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly Issue[])[];
}

/** The message of a value of the wrong kind. `hint` adds what was probably meant. */
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

/** Other words for a known one: what yes, no and further words mean. */
export interface Synonyms<Name extends string> {
  readonly yes?: Name;
  readonly no?: Name;
  readonly words?: Readonly<Record<string, Name>>;
}

/** The message of a word that is none of the known ones. */
export function notOneOf<Name extends string>(
  names: readonly Name[],
  synonyms: Synonyms<Name> = {},
): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    const expected = names.length === 1 ? `${names[0]} or a mapping` : `one of ${names.join(", ")}`;
    const meant = findSynonym(input, synonyms);
    if (typeof input !== "string") return mismatch(expected, () => toSuggestion(meant))({ input });
    return `"${input}" is not ${expected}${meant === undefined ? didYouMean(input, names) : toSuggestion(meant)}`;
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
 * The message of a mapping. For unknown keys it is the list of the known ones: `flattenIssues` makes one finding of each
 * unknown key and looks for its nearest neighbour in that list.
 */
export function listKeys(
  known: readonly string[],
  hint?: (input: unknown) => string,
): (issue: { readonly code?: string; readonly input?: unknown }) => string {
  return (issue) =>
    issue.code === "unrecognized_keys" ? known.join(" ") : mismatch("a mapping", hint)(issue);
}

/** One finding per mistake, unions resolved to the alternative that was meant. */
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

/** Unions are "a scalar or a mapping", in this order: the mapping was meant unless it fails for not being one. */
function chooseAlternative(alternatives: readonly (readonly Issue[])[]): readonly Issue[] {
  const [scalar = [], mapping = []] = alternatives;
  const isNoMapping = mapping.some(
    (issue) => issue.code === "invalid_type" && issue.path.length === 0,
  );
  return isNoMapping ? scalar : mapping;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "number" || typeof value === "boolean")
    return `the ${typeof value} ${value}`;
  return "text";
}
