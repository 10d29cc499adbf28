/** inject as a function from texts to texts; each file is handled by its kind. */

import { ConfigError, createDiagnostic } from "../../config/diagnostic.ts";
import { injectCompose, isCompose, restoreCompose } from "./compose.ts";
import { injectKubernetes } from "./kubernetes.ts";
import { warnOfMemory } from "./memory.ts";
import type { InjectOptions, Outcome } from "./options.ts";
import { type InputFile, type SourceFile, forEach, readSource } from "./source.ts";
import { restoreKubernetes } from "./undo.ts";

/** Removes what inject wrote. Throws a ConfigError if the inserted text was changed. */
export function removeFrom(inputs: readonly InputFile[]): Outcome {
  const files = forEach(inputs, restore);
  const done = files.flatMap(({ name, text }, index) =>
    text === inputs[index]?.text ? [] : [`${name}: is as it was before inject`],
  );
  return { files, done, skipped: [], next: [], isThereAlready: true };
}

/**
 * Adds headgate. It first removes what an earlier inject wrote, so a second run changes nothing, or applies other options. Throws a
 * ConfigError for input that it does not understand.
 */
export function injectInto(inputs: readonly InputFile[], options: InjectOptions): Outcome {
  const files = forEach(inputs, (input) => readSource(restore(input)));
  const others = files.filter((file) => !isCompose(file));
  if (options.compose !== undefined && others.length === files.length)
    throw new ConfigError([createDiagnostic("--compose", "the input is no Compose file")]);
  const outcomes = [
    injectKubernetes(others, options),
    ...forEach(
      files.filter((file) => isCompose(file)),
      (file) => injectCompose(file, options),
    ),
  ];
  const byName = new Map(outcomes.flatMap((one) => one.files).map((file) => [file.name, file]));
  return {
    files: files.map((file) => byName.get(file.name) ?? file),
    done: outcomes.flatMap(({ done }) => done),
    skipped: outcomes.flatMap(({ skipped }) => skipped),
    next: [
      ...outcomes.flatMap(({ next }) => next),
      ...(outcomes.some(({ done }) => done.length > 0) ? warnOfMemory(options.settings) : []),
    ],
    isThereAlready: outcomes.some(({ isThereAlready }) => isThereAlready),
  };
}

function restore(input: InputFile): InputFile {
  const file: SourceFile = readSource(input);
  return isCompose(file) ? restoreCompose(file) : restoreKubernetes(file);
}
