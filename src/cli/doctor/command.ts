/** `headgate doctor URL`: shows how a running backend responds to HEAD, and what headgate does about it. */

import { toPrintable } from "../../ops/log/printable.ts";
import { type Arguments, UsageError, readArguments } from "../flags.ts";
import type { Io } from "../io.ts";
import { wantsColours } from "../terminal.ts";
import { isWrong } from "./compare.ts";
import { diagnose } from "./diagnose.ts";
import { toPlan } from "./dry-run.ts";
import { toJsonReport } from "./json.ts";
import { DOCTOR_FLAGS, toOptions } from "./options.ts";
import { UnreachedError } from "./reach.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { formatReport } from "./report.ts";

/** The exit code is 0 if all is well, 1 if there is a fault or nothing could be compared. Throws for bad arguments. */
export async function doctor(args: readonly string[], io: Io): Promise<number> {
  const given = readArguments(args, {
    values: [...DOCTOR_FLAGS.values, "through"],
    switches: [...DOCTOR_FLAGS.switches, "json", "dry-run"],
    lists: DOCTOR_FLAGS.lists,
    maxPositionals: DOCTOR_FLAGS.maxPositionals,
  });
  const options = toOptions("doctor", given);
  if (options.isDryRun) {
    if (given.switches.has("json")) throw new UsageError("--dry-run has no --json");
    io.out(await toPlan(options, io));
    return 0;
  }
  try {
    const diagnosis = await diagnose(options, io);
    io.out(toText(diagnosis, given, io));
    return toExitCode(diagnosis);
  } catch (error) {
    if (!(error instanceof UnreachedError)) throw error;
    if (given.switches.has("json"))
      io.out(toJson({ url: options.backend.url, error: error.message }));
    else io.err(`headgate: ${toPrintable(error.message, 500)}\n`);
    return 1;
  }
}

function toText(diagnosis: Diagnosis, { switches }: Arguments, io: Io): string {
  if (switches.has("json")) return toJson(toJsonReport(diagnosis));
  return formatReport(diagnosis, wantsColours(io) ? "colours" : "plain");
}

/** Also escapes U+007F and above that control a terminal or hide text: U+009B begins a sequence as ESC [ does, and JSON keeps it. */
function toJson(value: object): string {
  const text = JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}

/** With `--through`, the exit code is about headgate, not about the backend. */
function toExitCode({ examined, throughUrl }: Diagnosis): number {
  const verdicts = examined.flatMap(({ verdict, through }) =>
    throughUrl === undefined ? [verdict] : through === undefined ? [] : [through.verdict],
  );
  return verdicts.some(isWrong) || verdicts.every(({ kind }) => kind === "unknown") ? 1 : 0;
}
