/** Makes sure that inject writes nothing that it could not remove again. */

import { ConfigError, createDiagnostic } from "../../config/diagnostic.ts";
import { type InputFile, Refusal, type SourceFile, readSource } from "./source.ts";

/** Throws a ConfigError if `restore` does not give back the first text, or cannot read the changed one. */
export function assertReversible(
  before: InputFile,
  after: InputFile,
  restore: (file: SourceFile) => InputFile,
): void {
  if (restoredText(after, restore) === before.text) return;
  throw new ConfigError([
    createDiagnostic("", "inject could not be undone here, so nothing was written", before.name),
  ]);
}

function restoredText(
  after: InputFile,
  restore: (file: SourceFile) => InputFile,
): string | undefined {
  try {
    return restore(readSource(after)).text;
  } catch (error) {
    // Its position would be one in a text that was never written.
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
