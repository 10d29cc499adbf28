/** Phrases for verdicts in the table. */

import { findField, toMembers } from "../../http/fields.ts";
import { hideFieldValue } from "../../http/secrets.ts";
import { toPrintable } from "../../ops/log/printable.ts";
import { formatBytes } from "./bytes.ts";
import type { HeadFault, Verdict } from "./compare.ts";
import type { Outcome } from "./raw-connection.ts";
import type { Observation } from "./observation.ts";

const MAX_SHOWN = 3;
const MAX_NAME_LENGTH = 40;

/** The phrases for one endpoint. */
export function toPhrases(verdict: Verdict, observation: Observation): readonly string[] {
  const all = [
    ...toKindWords(verdict),
    ...toFaultsWords(verdict),
    ...toAllowWords(verdict, observation.head),
    ...(verdict.reason === undefined ? [] : [lowerFirst(verdict.reason)]),
    ...toRedirect(observation.get),
    ...toContentWords(verdict),
    ...toOptionsWords(observation.options),
  ];
  return all.map((phrase) => toPrintable(phrase, 200));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function toFaultsWords({ kind, faults }: Verdict): readonly string[] {
  // The status columns already show both statuses.
  const shown = faults
    .filter((one) => kind !== "refused" || one.kind !== "status")
    .map(toFaultWords);
  const rest = shown.length - MAX_SHOWN;
  return rest > 1 ? [...shown.slice(0, MAX_SHOWN), `${rest} more differences`] : shown;
}

/** RFC 9110 §10.2.1: a method that Allow names is one that the resource supports. */
function toAllowWords({ kind }: Verdict, head: Outcome): readonly string[] {
  if (kind !== "refused" || !("response" in head)) return [];
  const allow = findField(head.response.fields, "allow") ?? "";
  return toMembers(allow).includes("head") ? ["its Allow names HEAD"] : [];
}

function toContentWords({ isStream, rangedBytes, ignoresRanges }: Verdict): readonly string[] {
  return [
    ...(isStream ? ["streams"] : []),
    ...(rangedBytes === undefined ? [] : [`ranges of ${formatBytes(rangedBytes)}`]),
    ...(ignoresRanges ? ["announces ranges, and ignores Range"] : []),
  ];
}

function toOptionsWords(options: Outcome | undefined): readonly string[] {
  if (options === undefined) return [];
  const allow =
    "response" in options ? (findField(options.response.fields, "allow") ?? "no Allow") : "";
  return [`OPTIONS ${toStatus(options)}${allow === "" ? "" : `, ${allow}`}`];
}

function toKindWords({ kind, faults }: Verdict): readonly string[] {
  switch (kind) {
    case "fine":
      return ["same as GET"];
    case "refused":
      return ["refuses HEAD"];
    case "head-only":
      return ["answers HEAD, has no GET"];
    case "unknown":
      return ["not compared"];
    case "differs":
    case "broken":
      return faults.length === 0 ? [kind] : [];
  }
}

/** The phrase for one fault. */
function toFaultWords(fault: HeadFault): string {
  switch (fault.kind) {
    case "status":
      return `HEAD ${fault.head}, GET ${fault.get}`;
    case "get":
      return `GET ${fault.through}, not ${fault.get}`;
    case "field":
      return toDifferenceWords(fault.difference);
    case "length":
      return fault.head === undefined
        ? "no Content-Length"
        : `Content-Length ${fault.head}, not ${fault.get}`;
    case "content":
      return `${fault.bytes} bytes of content after HEAD`;
    case "out-of-step":
      return "spoils the next response";
    case "no-response":
      return `no response to HEAD: ${lowerFirst(fault.reason)}`;
    case "slow":
      return "takes as long as the GET's content";
  }
}

function toDifferenceWords({
  name,
  kind,
}: {
  readonly name: string;
  readonly kind: string;
}): string {
  const shown = toPrintable(name, MAX_NAME_LENGTH);
  if (kind === "missing") return `no ${shown}`;
  return kind === "extra" ? `${shown} is added` : `${shown} differs`;
}

function toRedirect(get: Outcome): readonly string[] {
  if (!("response" in get)) return [];
  const { status, fields } = get.response;
  const location = findField(fields, "location");
  if (status < 300 || status > 399 || location === undefined) return [];
  return [`redirects to ${toPrintable(hideFieldValue("location", location), 100)}`];
}

/** What headgate in its default mode does about the verdict. */
export function toRemedy(verdict: Verdict, { get }: Observation): string {
  const { kind, faults } = verdict;
  if (kind === "fine") return "not needed";
  if (kind === "head-only") return "needs head: pass";
  if (kind === "unknown") return "–";
  if (!("response" in get)) return "answers as the GET";
  if (kind === "refused") return `answers ${get.response.status}`;
  if (faults.some((one) => one.kind === "content" || one.kind === "out-of-step"))
    return "drops the content";
  if (faults.some((one) => one.kind === "no-response" || one.kind === "status"))
    return `answers ${get.response.status}`;
  if (faults.every((one) => one.kind === "slow")) return "answers at once";
  return "sends GET's fields";
}

/** A status, or the text for no response. */
export function toStatus(outcome: Outcome): string {
  return "response" in outcome ? String(outcome.response.status) : "–";
}
