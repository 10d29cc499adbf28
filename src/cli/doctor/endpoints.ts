/** Selects the endpoints to try: those that the arguments name, then those of the document that pass the filters and the limit. */

import { hideQuery } from "../../http/secrets.ts";
import type { ApiDocument } from "./openapi.ts";
import type { DoctorOptions } from "./options.ts";
import { type Endpoint, type NotTried, fillParameters } from "./parameters.ts";

/** The endpoints to try, and those that are not tried. */
export interface Selection {
  readonly endpoints: readonly Endpoint[];
  readonly notTried: readonly NotTried[];
}

/** Words in the path of a GET that may change something, though a GET should not. */
const RISKY =
  /(?:^|[/_.-])(?:log-?_?out|sign-?_?out|log-?_?off|shut-?_?down|restart|unsubscribe|revoke|deactivate|delete|destroy|purge)(?:[/_.?-]|$)/i;

/** Selects endpoints from the arguments and the document. Each target is tried once. */
export function selectEndpoints(
  document: ApiDocument | undefined,
  options: Pick<DoctorOptions, "targets" | "params" | "fields" | "include" | "exclude" | "limit">,
): Selection {
  const { targets, params, fields, include, exclude, limit } = options;
  const named = new Set(fields.filter((_text, index) => index % 2 === 0).map(toLower));
  const given = { values: params, headers: named };
  const notTried: NotTried[] = [];
  const endpoints = new Map<string, Endpoint>();
  const add = (endpoint: Endpoint): void => {
    if (endpoints.has(endpoint.target)) return;
    if (endpoints.size < limit) endpoints.set(endpoint.target, endpoint);
    else notTried.push({ shown: endpoint.shown, reason: `beyond --limit ${limit}` });
  };
  for (const target of targets) add(toNamed(target));
  for (const operation of document?.operations ?? []) {
    const filled = fillParameters(operation, given);
    const { shown } = filled;
    const texts = [operation.path, shown];
    const isIncluded = include.some((glob) => texts.some((text) => matches(glob, text)));
    if (include.length > 0 && !isIncluded) continue;
    if (exclude.some((glob) => texts.some((text) => matches(glob, text)))) continue;
    if ("reason" in filled) notTried.push(filled);
    else if (RISKY.test(operation.path) && !isIncluded)
      notTried.push({ shown, reason: "its name says that a GET changes something: --include it" });
    else add(filled);
  }
  return { endpoints: [...endpoints.values()], notTried };
}

/** The endpoint for a target that the arguments name. */
export function toNamed(target: string): Endpoint {
  const [pattern = ""] = target.split("?", 1);
  return { pattern, target, shown: hideQuery(target), fields: [] };
}

/** Matches a glob in which `*` stands for any text. */
function matches(glob: string, text: string): boolean {
  const [first = "", ...rest] = glob.split("*");
  if (rest.length === 0) return glob === text;
  const last = rest.pop() ?? "";
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

function toLower(text: string): string {
  return text.toLowerCase();
}
