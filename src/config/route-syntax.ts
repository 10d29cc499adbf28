/** The syntax of a route's `host`, `path` and methods. Each parser throws a RangeError that says what is wrong. */

import { MAX_METHOD_BYTES } from "../http/wire/request-head.ts";
import { toSuggestion } from "./hints/guess.ts";
import { findForeignParam, findRegex, guessPath, looksLikeRegex } from "./hints/guess-path.ts";
import { LABEL, MAX_NAME_LENGTH } from "./host-pattern.ts";
import type { TextSyntax } from "./text-syntax.ts";

const IN_BRACKETS = "\\[[0-9A-Fa-f:.]+\\]";
const IPV6_HOST = new RegExp(`^${IN_BRACKETS}$`);
const NAME = `(\\*\\.)?${LABEL}(\\.${LABEL})*\\.?`;
const HOST = new RegExp(`^${NAME}$`);
const PARAM = "\\{[A-Za-z_][A-Za-z0-9_-]*\\}";
const PARAM_SEGMENT = new RegExp(`^${PARAM}$`);
const PATH_CHARACTER = "([^\\x00-\\x20\\x7f-\\xa0\\xad/?#%*{}]|%[0-9A-Fa-f]{2})";

/** The syntax that `parseRouteHost` accepts. */
export const HOST_SYNTAX: TextSyntax = {
  name: "host",
  shape: `^(${IN_BRACKETS}|${NAME})$`,
  maxLength: MAX_NAME_LENGTH,
};

/** The syntax that `parseRoutePath` accepts. */
export const PATH_SYNTAX: TextSyntax = {
  name: "path",
  shape: "^/[^?#\\s]*$",
  exact: `^(/(${PATH_CHARACTER}*|${PARAM}))*/(${PATH_CHARACTER}*|${PARAM}|\\*)$`,
};

/** Parses a host into the form that requests are compared with: lower case, no trailing dot, IPv6 in brackets. */
export function parseRouteHost(text: string): string {
  if (text === "*") throw new RangeError("leave host out to match every host");
  if (IPV6_HOST.test(text)) return text.toLowerCase();
  if (/:[0-9]*$/.test(text))
    throw new RangeError(`"${text}": leave the port out, it is not compared`);
  if (text.length > MAX_NAME_LENGTH || !HOST.test(text)) {
    throw new RangeError(
      `"${text}" is not a host such as example.com or *.example.com${hostHint(text)}`,
    );
  }
  return text.toLowerCase().replace(/\.$/, "");
}

function hostHint(text: string): string {
  if (text.includes("//")) return ": leave the scheme out";
  if (text.includes("*")) return ": the asterisk stands for whole labels, at the beginning";
  if (/\P{ASCII}/u.test(text)) return ": write the name as it stands in the Host field, xn--…";
  return "";
}

/** Checks a path pattern, and returns it unchanged. */
export function parseRoutePath(text: string): string {
  const problem = findProblem(text);
  if (problem === undefined) return text;
  throw new RangeError(
    looksLikeRegex(text)
      ? `"${text}" looks like a regular expression, which a path is not: {name} stands for one segment, /* at the end for everything below`
      : problem,
  );
}

function findProblem(text: string): string | undefined {
  if (!text.startsWith("/")) return `"${text}" must begin with a slash`;
  if (/[?#]/.test(text)) return "must not hold a query or a fragment: the path alone is compared";
  // A request-target cannot contain white space or control characters, and a lone surrogate is no character.
  if (/[\s\p{C}]/u.test(text)) return "must not hold white space or control characters";
  if (/%(?![0-9A-Fa-f]{2})/.test(text))
    return "a percent sign begins two hexadecimal digits; itself it is %25";
  const segments = text.slice(1).split("/");
  return segments
    .map((segment, index) => findSegmentProblem(segment, index === segments.length - 1))
    .find((problem) => problem !== undefined);
}

function findSegmentProblem(segment: string, isLast: boolean): string | undefined {
  if (segment.includes("*") && !(segment === "*" && isLast))
    return '"*" stands for everything below, alone and at the end: /files/*; one segment is {name}';
  if (/[{}]/.test(segment) && !PARAM_SEGMENT.test(segment))
    return `"${segment}": a parameter is a whole segment in braces: /users/{id}/avatar`;
  return undefined;
}

/** Finds a path that is allowed, but probably not what the operator meant. Returns the warning. */
export function findPathWarning(path: string): string | undefined {
  const param = findForeignParam(path);
  const literal = param ?? findRegex(path);
  if (literal === undefined) return undefined;
  const reason = param === undefined ? ": a path is no regular expression" : "";
  return `"${literal}" is taken literally${reason}${toSuggestion(guessPath(path))}`;
}

const METHOD_PATTERN = `^[!#$%&'*+.^_\`|~0-9A-Za-z-]{1,${MAX_METHOD_BYTES}}$`;
const METHOD = new RegExp(METHOD_PATTERN);

/** The syntax of the methods that headgate forwards. */
export const METHOD_SYNTAX: TextSyntax = { name: "method", shape: METHOD_PATTERN };

/** Checks a method (RFC 9110 §9.1), and returns it unchanged. Throws a RangeError if headgate does not forward it. */
export function parseMethod(text: string): string {
  if (METHOD.test(text)) return text;
  throw new RangeError("must be a method such as GET");
}
