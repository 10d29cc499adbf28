/** What an operator probably meant by a path that is written as other routers have it. */

/** Groups, classes, quantifiers, the closing anchor. */
const REGEX = /\(\?|\\[a-z]|\.[*+]|\([^()|]*\||\[[^[\]]*\]|\$$/i;
/** `:id`, `<id>`, `<int:id>`. */
const FOREIGN_PARAM = /^(?::(\w+)|<(?:\w+:)?(\w+)>)$/;

/** Whether a path looks like a regular expression. */
export function looksLikeRegex(path: string): boolean {
  return /^[\^~]/.test(path) || REGEX.test(path); // nginx's ~ begins one, too
}

/** The first segment that another router would take for a parameter. */
export function findForeignParam(path: string): string | undefined {
  return path.split("/").find((segment) => FOREIGN_PARAM.test(segment));
}

/** The first segment that is a regular expression. */
export function findRegex(path: string): string | undefined {
  return path.split("/").find((segment) => REGEX.test(segment));
}

/** The same path as headgate writes it. Undefined where it stays what it is. */
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
