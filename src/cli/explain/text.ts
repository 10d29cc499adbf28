/** Formats an explanation as text. */

import type { RouteConfig } from "../../config/types.ts";
import { formatDuration, formatSize } from "../../config/units.ts";
import type { HeadPlan } from "../../head/plan.ts";
import type { Explanation } from "./match.ts";
import type { Explained, Forwarded } from "./dry-run.ts";
import { toRuleWords } from "./rules.ts";
import { formatTable } from "../table.ts";

/** What happens to the content of the response that headgate uses for a HEAD. Each outcome has an entry here. */
const HEAD_CONTENT: Readonly<
  Record<HeadPlan["outcome"], (route: RouteConfig) => readonly string[]>
> = {
  convert: ({ head }) => [
    "The client gets the status and the fields of the answer to the GET at once, and no body.",
    `Up to ${formatSize(head.drain.bytes)} of the body are read within ${formatDuration(head.drain.time)}, to keep the upstream connection; a longer one is cut off.`,
    ...toGetWords(head),
  ],
  pass: () => [
    "The upstream gets the HEAD itself, and answers it without a body.",
    "A backend that serves GET only answers 405 here.",
  ],
  native: ({ head }) => [
    `The upstream gets the HEAD itself; an answer of ${head.fallbackOn.join(" or ")} is replaced by that of the same request as GET.`,
    ...(head.fallbackOn.includes(404)
      ? []
      : [
          "A 404 is passed on. If this backend answers every HEAD with 404, add 404 to head.fallbackOn.",
        ]),
    `What this path needs is remembered for ${formatDuration(head.remember)}.`,
    ...toGetWords(head),
  ],
  observe: ({ head }) => [
    "The upstream gets the HEAD itself, and its answer is passed on.",
    `An answer of ${head.fallbackOn.join(" or ")} is counted as one that a GET would have rescued.`,
  ],
};

/** What happens to the content of any other request. */
const REQUEST_CONTENT: Readonly<Record<Forwarded["framing"], string>> = {
  none: "The request has none.",
  length: "The request's is passed on as it comes.",
  chunked: "The request's is passed on as it comes, in chunks of this hop's own.",
};

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
    paragraphs.push(`headgate answers ${response.status} itself: ${response.reason}.\n`);
  if (match !== undefined && forwarded !== undefined)
    paragraphs.push(...formatForwarded(forwarded, match.route));
  return paragraphs.join("\n");
}

/** Describes what happens to the content, in sentences. */
export function toContentWords(
  { head, unshared, isTunnel, framing }: Forwarded,
  route: RouteConfig,
): readonly string[] {
  if (isTunnel)
    return [
      ...(framing === "none" ? [] : [REQUEST_CONTENT[framing]]),
      "Once the upstream agrees, bytes pass both ways until either side ends.",
    ];
  if (head !== undefined) return [...HEAD_CONTENT[head](route), ...toShareWords(route, unshared)];
  return [REQUEST_CONTENT[framing], "The answer's is passed on as it comes."];
}

/** How the options change the GET that replaces a HEAD. */
function toGetWords({ range, contentLength }: RouteConfig["head"]): readonly string[] {
  return [
    ...(range === "probe"
      ? [
          "The GET also carries Range: bytes=0-0, so that a file costs one byte; what refuses it is asked again without.",
          "If the client accepts a content coding, the GET has no Range: a backend may compress the full response and not the part.",
        ]
      : []),
    ...(contentLength === "measure"
      ? [
          "Where the GET's answer has no Content-Length, a body that ends within the drain limits is counted for one.",
        ]
      : []),
  ];
}

function toShareWords({ head }: RouteConfig, unshared: string | undefined): readonly string[] {
  if (head.share === 0) return [];
  if (unshared !== undefined) return [`The answer is for this client alone: ${unshared}.`];
  return [
    `HEADs that ask the same meanwhile, or within ${formatDuration(head.share)}, get this answer too, unless it is for one client (no-store, private, Set-Cookie, …).`,
  ];
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

function formatForwarded(forwarded: Forwarded, route: RouteConfig): readonly string[] {
  const { upstream, url, method, target, fields, dropped, rules } = forwarded;
  const sent = fields.map(({ name, value, note }) => [`  ${name}: ${value}`, toAside(note)]);
  const kept = dropped.map(({ name, value, reason }) => [`  ${name}: ${value}`, toAside(reason)]);
  const words = toContentWords(forwarded, route).map(toLine);
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
