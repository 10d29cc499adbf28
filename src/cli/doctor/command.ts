/** `headgate doctor URL`: what the HEAD clients of a running backend meet, and what headgate does about it. */

import { toPrintable } from "../../ops/log/printable.ts";
import { type Arguments, readArguments } from "../flags.ts";
import type { Io } from "../io.ts";
import { isWrong } from "./compare.ts";
import { diagnose } from "./diagnose.ts";
import { toPlan } from "./dry-run.ts";
import { toJsonReport } from "./json.ts";
import { DOCTOR_FLAGS, toOptions } from "./options.ts";
import { UnreachedError } from "./reach.ts";
import { type Findings, formatReport } from "./report.ts";

/** Exit code 0 if nothing is wrong, 1 if something is or nothing could be compared; throws for bad arguments. */
export async function doctor(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments(args, {
    values: [...DOCTOR_FLAGS.values, "through"],
    switches: [...DOCTOR_FLAGS.switches, "json", "dry-run"],
    lists: DOCTOR_FLAGS.lists,
    mostPositionals: DOCTOR_FLAGS.mostPositionals,
  });
  const options = toOptions("doctor", given);
  if (options.isDryRun) {
    io.out(await toPlan(options, io));
    return 0;
  }
  try {
    const findings = await diagnose(options, io);
    io.out(toText(findings, given, io));
    return toExitCode(findings);
  } catch (error) {
    if (!(error instanceof UnreachedError)) throw error;
    if (given.switches.has("json"))
      io.out(toJson({ url: options.place.url, error: error.message }));
    else io.err(`headgate: ${toPrintable(error.message, 500)}\n`);
    return 1;
  }
}

function toText(findings: Findings, { switches }: Arguments, io: Io): string {
  if (switches.has("json")) return toJson(toJsonReport(findings));
  return formatReport(findings, io.isTerminal && !io.env["NO_COLOR"] ? "colours" : "plain");
}

/** Fields may hold U+009B, which begins a terminal sequence as ESC [ does, and JSON escapes those below U+0020 only. */
function toJson(value: object): string {
  const text = JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}

/** With `--through` the installation is judged, not the backend. */
function toExitCode({ examined, throughUrl }: Findings): number {
  const verdicts = examined.flatMap(({ verdict, through }) =>
    throughUrl === undefined ? [verdict] : through === undefined ? [] : [through.verdict],
  );
  return verdicts.some(isWrong) || verdicts.every(({ kind }) => kind === "unknown") ? 1 : 0;
}
