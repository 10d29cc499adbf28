/** The report for programs. Values of fields that may be secret are hidden, as in all output. */

import { findField } from "../../http/fields.ts";
import { hideFieldValue } from "../../http/secrets.ts";
import { type HeadFault, type Verdict, isWrong } from "./compare.ts";
import type { Examined } from "./examine.ts";
import type { Outcome } from "./raw-connection.ts";
import { toNext } from "./next.ts";
import type { Observation } from "./observation.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { toRemedy } from "./words.ts";

/** The object that `doctor --json` prints. */
export function toJsonReport(diagnosis: Diagnosis): object {
  const { url, throughUrl, source, examined, notTried } = diagnosis;
  return {
    url,
    through: throughUrl,
    source,
    endpoints: examined.map(toEndpoint),
    notTried: notTried.map(({ shown, reason }) => ({ path: shown, reason })),
    summary: {
      endpoints: examined.length,
      ...countKinds(examined.map(({ verdict }) => verdict)),
      through:
        throughUrl === undefined
          ? undefined
          : countKinds(examined.flatMap(({ through }) => (through ? [through.verdict] : []))),
    },
    next: toNext(diagnosis),
  };
}

function toEndpoint({ endpoint, direct, verdict, through }: Examined): object {
  return {
    path: endpoint.pattern,
    target: endpoint.shown,
    ...toSide(direct, verdict),
    headgate: toRemedy(verdict, direct),
    through: through && toSide(through.observation, through.verdict),
  };
}

function toSide(observation: Observation, verdict: Verdict): object {
  const { get, head, options } = observation;
  const { kind, reason, rangedBytes, ignoresRanges, isStream, faults } = verdict;
  return {
    verdict: kind,
    wrong: isWrong(verdict),
    reason,
    findings: faults.map(toShown),
    get: toResult(get),
    head: toResult(head),
    options: options && toResult(options),
    streams: isStream,
    rangesOf: rangedBytes,
    ignoresRanges,
  };
}

function toResult(outcome: Outcome): object {
  if ("failure" in outcome) return { error: outcome.failure.code, reason: outcome.failure.message };
  const { status, fields, headMs, endMs, contentBytes, ended, strayBytes } = outcome.response;
  const location = findField(fields, "location");
  return {
    status,
    contentLength: findField(fields, "content-length"),
    contentType: findField(fields, "content-type"),
    allow: findField(fields, "allow"),
    location: location === undefined ? undefined : hideFieldValue("location", location),
    headMs: Math.round(headMs),
    endMs: endMs === undefined ? undefined : Math.round(endMs),
    contentBytes,
    ended,
    strayBytes: strayBytes === 0 ? undefined : strayBytes,
  };
}

function toShown(fault: HeadFault): object {
  if (fault.kind !== "field") return fault;
  const { name, kind, get, head } = fault.difference;
  const hide = (values: readonly string[]) => values.map((value) => hideFieldValue(name, value));
  return { kind: "field", name, difference: kind, get: hide(get), head: hide(head) };
}

function countKinds(verdicts: readonly Verdict[]): Readonly<Record<string, number>> {
  const count = (kind: Verdict["kind"]) => verdicts.filter((one) => one.kind === kind).length;
  return {
    refused: count("refused"),
    differs: count("differs"),
    broken: count("broken"),
    fine: count("fine") + count("head-only"),
    unknown: count("unknown"),
  };
}
