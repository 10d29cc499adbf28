/** Hides the caller's own credentials where a response repeats them, such as in a field for debugging. */

import { isSecretField } from "../../http/secrets.ts";
import type { HeadFault, Verdict } from "./compare.ts";
import type { Examined } from "./examine.ts";
import type { Outcome } from "./raw-connection.ts";
import type { DoctorOptions } from "./options.ts";
import type { Observation } from "./observation.ts";

const HIDDEN = "<hidden>";
/** A shorter text stands in many places by chance, and hides nothing. */
const MIN_LENGTH = 4;
/** Fields that hold no credentials; their values stand in most responses. */
const PUBLIC =
  /^(?:accept(?:-.*)?|host|user-agent|cache-control|pragma|if-.*|origin|content-type|x-forwarded-.*)$/i;

type Hide = (text: string) => string;

/** Returns the results without the values of `--header`, and of `--param` and queries with secret names. */
export function hideOwnSecrets(
  examined: readonly Examined[],
  options: Pick<DoctorOptions, "fields" | "params" | "targets">,
): readonly Examined[] {
  const secrets = toSecrets(options);
  if (secrets.length === 0) return examined;
  const hide: Hide = (text) =>
    secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
  return examined.map(({ endpoint, direct, verdict, through }) => ({
    endpoint,
    direct: hideInObservation(direct, hide),
    verdict: hideInVerdict(verdict, hide),
    through: through && {
      observation: hideInObservation(through.observation, hide),
      verdict: hideInVerdict(through.verdict, hide),
    },
  }));
}

/** The longest first, because one may hold another. */
function toSecrets({
  fields,
  params,
  targets,
}: Pick<DoctorOptions, "fields" | "params" | "targets">): readonly string[] {
  const inFields = fields.flatMap((value, index) => {
    const name = fields[index - 1] ?? "";
    return index % 2 === 0 || PUBLIC.test(name) ? [] : toParts(name, value);
  });
  const inQueries = targets.flatMap((target) =>
    [...new URLSearchParams(target.split("?").slice(1).join("?"))].concat(toRawPairs(target)),
  );
  const named = [...params, ...inQueries].filter(([name]) => isSecretField(name));
  const values = named.flatMap(([, value]) => [
    value,
    encodeURIComponent(value),
    encodeURIComponent(value).replaceAll("%2F", "/"),
  ]);
  return [...new Set([...inFields, ...values])]
    .filter(({ length }) => length >= MIN_LENGTH)
    .toSorted((a, b) => b.length - a.length);
}

/** The pairs of a query as they are sent. */
function toRawPairs(target: string): [string, string][] {
  const query = target.split("?").slice(1).join("?");
  return query.split("&").map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [name, value.join("=")];
  });
}

/** A value, what follows its scheme (`Bearer …`), and each of several cookies. */
function toParts(name: string, value: string): readonly string[] {
  const behind = /^\S+\s+(\S.*)$/.exec(value)?.[1] ?? "";
  if (name.toLowerCase() !== "cookie") return [value, behind];
  return [value, ...value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim())];
}

function hideInObservation(observation: Observation, hide: Hide): Observation {
  const { get, head, options } = observation;
  return {
    ...observation,
    get: hideInOutcome(get, hide),
    head: hideInOutcome(head, hide),
    options: options && hideInOutcome(options, hide),
  };
}

function hideInOutcome(outcome: Outcome, hide: Hide): Outcome {
  if ("failure" in outcome) return outcome;
  const { response } = outcome;
  const fields = response.fields.map((text, index) => (index % 2 === 0 ? text : hide(text)));
  return { response: { ...response, fields } };
}

function hideInVerdict(verdict: Verdict, hide: Hide): Verdict {
  return { ...verdict, faults: verdict.faults.map((fault) => hideInFault(fault, hide)) };
}

function hideInFault(fault: HeadFault, hide: Hide): HeadFault {
  if (fault.kind !== "field") return fault;
  const { get, head } = fault.difference;
  return {
    ...fault,
    difference: { ...fault.difference, get: get.map(hide), head: head.map(hide) },
  };
}
