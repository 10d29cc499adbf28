/** Reads the files of upstreams' TLS settings, so that headgate finds a missing file at its start and not at the first request. */

import { type ReadFile, resolveBeside } from "./files.ts";
import type { KeyDiagnostic, KeyPath } from "./schema/issues.ts";
import { type PemTexts, checkPem } from "./pem.ts";
import { asMapping } from "./untyped.ts";

/** The texts by the file names in the route file, and the mistakes in the TLS settings. */
export interface TlsFiles {
  readonly texts: ReadonlyMap<string, string>;
  readonly diagnostics: readonly KeyDiagnostic[];
}

const PARTS: readonly (keyof PemTexts)[] = ["ca", "cert", "key"];

type Mapping = Readonly<Record<string, unknown>>;
interface Upstream {
  readonly path: KeyPath;
  readonly settings: Mapping;
}

/** Reads the files named in the unchecked value. Names are relative to the route file. */
export async function readTlsFiles(
  value: unknown,
  file: string,
  readFile: ReadFile,
): Promise<TlsFiles> {
  const { upstream, upstreams } = asMapping(value);
  const all: readonly Upstream[] = [
    { path: ["upstream"], settings: asMapping(upstream) },
    ...Object.entries(asMapping(upstreams)).map(([name, one]) => ({
      path: ["upstreams", name],
      settings: asMapping(one),
    })),
  ];
  const texts = new Map<string, string>();
  const diagnostics = all.filter(({ settings }) => "tls" in settings).flatMap(checkTls);
  for (const { path, settings } of all) {
    const tls = asMapping(settings["tls"]);
    const own: Partial<Record<keyof PemTexts, string>> = {};
    const note = (part: string, message: string): void =>
      void diagnostics.push({ path: [...path, "tls", part], at: "value", message });
    for (const part of PARTS) {
      const name = tls[part];
      if (typeof name !== "string" || name === "" || name.includes("\0")) continue;
      const read = await readFile(resolveBeside(file, name));
      if ("reason" in read) {
        note(part, `the file ${read.reason}`);
        continue;
      }
      own[part] = read.text;
      texts.set(name, read.text);
    }
    for (const { part, message } of checkPem(own)) note(part, message);
  }
  return { texts, diagnostics };
}

function checkTls({ path, settings }: Upstream): readonly KeyDiagnostic[] {
  const { cert, key } = asMapping(settings["tls"]);
  const url = settings["url"];
  const diagnostics: KeyDiagnostic[] = [];
  if (typeof url === "string" && !/^https:/i.test(url)) {
    diagnostics.push({
      path: [...path, "tls"],
      at: "key",
      message: "has no effect: the url does not begin with https://",
    });
  }
  if (cert !== undefined && key === undefined)
    diagnostics.push({ path: [...path, "tls", "cert"], at: "key", message: "needs key beside it" });
  if (key !== undefined && cert === undefined)
    diagnostics.push({ path: [...path, "tls", "key"], at: "key", message: "needs cert beside it" });
  return diagnostics;
}
