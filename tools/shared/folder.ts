import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a folder for the files of one run; it is removed when this process ends. */
export function makeFolder(tool: string): string {
  const folder = mkdtempSync(join(tmpdir(), `headgate-${tool}-`));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
