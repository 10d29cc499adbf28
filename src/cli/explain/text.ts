/** Formats an explanation as text. */

import type { RouteConfig } from "../../config/types.ts";
import type { Explanation } from "./match.ts";
import type { Explained, Forwarded } from "./explanation.ts";
import { toRuleWords } from "./rules.ts";
import { formatTable } from "../table.ts";

/** The paragraphs: request, route, upstream request, dropped fields, rules, content. */
export function formatExplanation({
  request,
  client,
  match,
  response,
  forwarded,
}: Explained): string {
  const paragraphs = [`${request.method} ${request.target}  from ${client}\n`];
  if (match !== undefined) paragraphs.push(formatMatch(match, request.target));
  if (response !== undefined)
    paragraphs.push(`headgate itself responds with ${response.status}: ${response.reason}.\n`);
  if (forwarded !== undefined) paragraphs.push(...formatForwarded(forwarded));
  return paragraphs.join("\n");
}

function formatMatch({ route, reason, path, others }: Explanation, target: string): string {
  const rows = [
    ["Route", toPlace(route), reason],
    ...others.map((other) => ["", toPlace(other.route), other.reason]),
  ];
  const isRewritten = path !== target.split("?", 1)[0];
  return formatTable(isRewritten ? [...rows, ["", path, "is the path as it is compared"]] : rows);
}

/** Identifies a route in the file: by its name, if it has one, its host and its path. */
function toPlace({ name, host = "", path }: RouteConfig): string {
  const place = `${host}${path}`;
  return name === place ? place : `${name} (${place})`;
}

function formatForwarded(forwarded: Forwarded): readonly string[] {
  const { upstream, url, method, target, fields, dropped, rules, content } = forwarded;
  const sent = fields.map(({ name, value, note }) => [`  ${name}: ${value}`, toAside(note)]);
  const kept = dropped.map(({ name, value, reason }) => [`  ${name}: ${value}`, toAside(reason)]);
  const words = content.map(toLine);
  const applied = toRuleWords(rules).map(toLine);
  return [
    `The upstream ${upstream} at ${url} gets\n  ${method} ${target} HTTP/1.1\n${formatTable(sent)}`,
    ...(kept.length > 0 ? [`It does not get\n${formatTable(kept)}`] : []),
    ...(applied.length > 0 ? [`The rules that apply\n${applied.join("")}`] : []),
    `The body\n${words.join("")}`,
  ];
}

function toLine(sentence: string): string {
  return `  ${sentence}\n`;
}

function toAside(text: string | undefined): string {
  return text === undefined ? "" : `← ${text}`;
}
