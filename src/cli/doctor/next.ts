/** The next command to type after a report. */

import { isSecretField } from "../../http/secrets.ts";
import { toPrintable } from "../../ops/log/printable.ts";
import { quoteForShell } from "../shell.ts";
import { isWrong } from "./compare.ts";
import { DEFAULT_LIMIT, type DoctorOptions } from "./options.ts";
import type { Diagnosis } from "./diagnosis.ts";

/** Stands for what the operator has to write again: a credential, or a query, which may hold one. */
const OMITTED = "…";

/** The next command; undefined if nothing is left to do. */
export function toNext({
  program,
  url,
  throughUrl,
  named,
  flags,
  examined,
}: Diagnosis): string | undefined {
  if (throughUrl !== undefined) {
    const still = examined.find(({ through }) => through && isWrong(through.verdict));
    // The path may come from the document, and the operator pastes the command into a shell.
    const path = toPrintable(still?.endpoint.shown ?? "", 200).replaceAll("'", "%27");
    return still && `${program} explain HEAD '${path}' --config FILE`;
  }
  if (!examined.some(({ verdict }) => isWrong(verdict))) return undefined;
  const paths = named.map((path) => path.replace(/\?.*$/s, `?${OMITTED}`));
  const words = [url, ...paths, ...flags].map(quoteForShell);
  return [`${program} init`, ...words, "--output headgate.yaml"].join(" ");
}

/** The flags with which `init` finds the same endpoints, without credentials. */
export function toFlags(options: DoctorOptions): readonly string[] {
  const { openapi, base, params, fields, include, exclude, limit, sendsOptions } = options;
  const names = fields.filter((_text, index) => index % 2 === 0);
  return [
    ...(openapi === undefined ? [] : ["--openapi", openapi.replace(/\?.*$/s, `?${OMITTED}`)]),
    ...(base === undefined ? [] : ["--base", base === "" ? "/" : base]),
    ...[...params].flatMap(([name, value]) => [
      "--param",
      `${name}=${isSecretField(name) ? OMITTED : value}`,
    ]),
    ...names.flatMap((name) => ["-H", `${name}: ${OMITTED}`]),
    ...include.flatMap((pattern) => ["--include", pattern]),
    ...exclude.flatMap((pattern) => ["--exclude", pattern]),
    ...(String(limit) === DEFAULT_LIMIT ? [] : ["--limit", String(limit)]),
    ...(sendsOptions ? ["--options"] : []),
    ...(options.ca === undefined ? [] : ["--ca", options.ca]),
    ...(options.isInsecure ? ["--insecure"] : []),
  ];
}
