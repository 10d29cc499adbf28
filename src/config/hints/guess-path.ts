/** Guesses what an operator meant by a path in the syntax of another router. */

/** Finds parts of a regular expression: groups, classes, quantifiers, the anchor at the end. */
const REGEX = /\(\?|\\[a-z]|\.[*+]|\([^()|]*\||\[[^[\]]*\]|\$$/i;
/** Other routers' parameters: `:id`, `<id>`, `<int:id>`. */
const FOREIGN_PARAM = /^(?::(\w+)|<(?:\w+:)?(\w+)>)$/;

/** Whether a path looks like a regular expression. */
export function looksLikeRegex(path: string): boolean {
  return /^[\^~]/.test(path) || REGEX.test(path); // nginx marks a regular expression with ~
}

/** Finds the first segment that another router would take for a parameter. */
export function findForeignParam(path: string): string | undefined {
  return path.split("/").find((segment) => FOREIGN_PARAM.test(segment));
}

/** Finds the first segment that is a regular expression. */
export function findRegex(path: string): string | undefined {
  return path.split("/").find((segment) => REGEX.test(segment));
}

/** Returns the path in headgate's syntax. Undefined if that is the same text. */
export function guessPath(input: unknown): string | undefined {
  if (typeof input !== "string" || input.length > 256) return undefined;
  const path = input
    .trim()
    .replace(/^(~\*|\^~|[~=])\s*/, "")
    .replace(/^[a-z]+:\/\/[^/]+(?=\/)/i, "")
    .replace(/^\^/, "")
    .replace(/\$$/, "")
    .replace(/[?#].*$/, (query) => (query.startsWith("?:") ? query : ""));
  const segments = path.replace(/^\/?/, "").split("/");
  const last = segments.length - 1;
  const guess = `/${segments.map((segment, index) => toSegment(segment, index === last)).join("/")}`;
  return guess === input ? undefined : guess;
}

function toSegment(segment: string, isLast: boolean): string {
  const [, colon, angle] = FOREIGN_PARAM.exec(segment) ?? [];
  const typed = /^\{(\w+):(\w+)\}$/.exec(segment);
  if (isLast && (/^(\*\*|\(?\.[*+]\)?)$/.test(segment) || typed?.[2] === "path")) return "*";
  if (isLast && /^<path:\w+>$/.test(segment)) return "*";
  const name = colon ?? angle ?? typed?.[1];
  if (name !== undefined) return `{${name}}`;
  return /^\(?(\[[^\]]+\]|\\[dw]|\.)[+*]?\)?$/.test(segment) ? "{id}" : segment;
}
