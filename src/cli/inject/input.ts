/** The files that inject reads and writes. */

import {
  type FileText,
  listFolder,
  readLargeFile,
  replaceFile,
  resolveFrom,
  toFileText,
} from "../../config/files.ts";
import { ConfigError, createDiagnostic } from "../../config/diagnostic.ts";
import type { CommandIo } from "../io.ts";
import type { InputFile } from "./source.ts";

/** The name of standard input in messages. */
export const STANDARD_INPUT = "<stdin>";

/** A chart with its custom resource definitions has five megabytes, for which the yaml package takes ten seconds. */
export const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;

/** Manifests by file name; a folder may also have other files. */
const MANIFEST = /\.(?:ya?ml|json)$/i;

/** Reads the files that the arguments name, in their spelling. A folder stands for its manifests, without its subfolders. */
export async function readInputs(
  names: readonly string[],
  io: Pick<CommandIo, "cwd" | "readInput">,
): Promise<readonly InputFile[]> {
  if (names.includes("-"))
    return [
      await readOne(STANDARD_INPUT, () => toFileText(() => io.readInput(), MAX_MANIFEST_BYTES)),
    ];
  const files = await Promise.all(names.map((name) => expand(name, io.cwd)));
  const unique = [...new Set(files.flat())];
  return Promise.all(
    unique.map((name) =>
      readOne(name, () => readLargeFile(resolveFrom(io.cwd, name), MAX_MANIFEST_BYTES)),
    ),
  );
}

async function expand(name: string, cwd: string): Promise<readonly string[]> {
  const inside = await listFolder(resolveFrom(cwd, name));
  if (inside === undefined) return [name];
  const manifests = inside.filter((file) => MANIFEST.test(file)).toSorted();
  if (manifests.length === 0)
    throw new ConfigError([
      createDiagnostic("", "is a folder without .yaml, .yml or .json files", name),
    ]);
  return manifests.map((file) => `${name.replace(/\/+$/, "")}/${file}`);
}

async function readOne(name: string, load: () => Promise<FileText>): Promise<InputFile> {
  const loaded = await load();
  if ("reason" in loaded) throw new ConfigError([createDiagnostic("", loaded.reason, name)]);
  // The byte order mark is kept, because inject must not change other bytes.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(loaded.bytes);
  return { name, text };
}

/** Writes a file completely or not at all. */
export async function writeOutput({ name, text }: InputFile, cwd: string): Promise<void> {
  const reason = await replaceFile(resolveFrom(cwd, name), text);
  if (reason !== undefined) throw new ConfigError([createDiagnostic("", reason, name)]);
}
