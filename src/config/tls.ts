/** Reads the files of TLS settings, so that headgate finds a missing file at its start and not at the first connection. */

import { NOT_UTF8, type ReadFile, resolveBeside } from "./files.ts";
import type { KeyDiagnostic, KeyPath } from "./schema/issues.ts";
import { type PemTexts, checkPem, findUnusable } from "./pem.ts";
import { asList, asMapping } from "./untyped.ts";

/** A file of TLS settings. */
export interface TlsFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/** The files by their names in the route file, and the mistakes in the TLS settings. */
export interface TlsFiles {
  readonly files: ReadonlyMap<string, TlsFile>;
  readonly diagnostics: readonly KeyDiagnostic[];
  /** Certificates of listeners that clients do not accept now, such as expired ones. */
  readonly unusable: readonly KeyDiagnostic[];
}

const NOT_PEM = "is not PEM text: convert DER and PKCS#12 to PEM";

type Mapping = Readonly<Record<string, unknown>>;

/** Files that belong together, as settings of one mapping. */
interface FileGroup {
  /** The place of the mapping. */
  readonly path: KeyPath;
  readonly settings: Mapping;
  /** The key of each file by its part. */
  readonly keys: Readonly<Partial<Record<keyof PemTexts, string>>>;
  /** Whether clients verify the certificate. */
  readonly isOfListener: boolean;
}

/** Reads the files named in the unchecked value. Names are relative to the route file. `nowMs` is the wall clock. */
export async function readTlsFiles(
  value: unknown,
  file: string,
  { readFile, nowMs }: { readonly readFile: ReadFile; readonly nowMs: number },
): Promise<TlsFiles> {
  const upstreams = listUpstreams(value);
  const files = new Map<string, TlsFile>();
  const listeners = listListeners(value);
  const diagnostics = [
    ...upstreams.filter(({ settings }) => "tls" in settings).flatMap(checkUpstream),
    ...listeners.flatMap(checkListener),
  ];
  const unusable: KeyDiagnostic[] = [];
  for (const { path, settings, keys, isOfListener } of [
    ...upstreams.map(toUpstreamGroup),
    ...listeners.flatMap(toListenerGroups),
  ]) {
    const own: Partial<Record<keyof PemTexts, string>> = {};
    const at = (part: keyof PemTexts, message: string): KeyDiagnostic => ({
      path: [...path, keys[part] ?? part],
      at: "value",
      message,
    });
    for (const [part, key] of Object.entries(keys) as [keyof PemTexts, string][]) {
      const name = settings[key];
      if (typeof name !== "string" || name === "" || name.includes("\0")) continue;
      const place = resolveBeside(file, name);
      const read = await readFile(place);
      if ("reason" in read) {
        const reason = read.reason === NOT_UTF8 ? NOT_PEM : read.reason;
        diagnostics.push(at(part, `the file ${reason}`));
        continue;
      }
      own[part] = read.text;
      files.set(name, { path: place, text: read.text });
    }
    const mistakes = checkPem(own);
    diagnostics.push(...mistakes.map(({ part, message }) => at(part, message)));
    if (mistakes.length > 0 || own.cert === undefined || !isOfListener) continue;
    const reason = findUnusable(own.cert, nowMs);
    if (reason !== undefined) unusable.push(at("cert", reason));
  }
  return { files, diagnostics, unusable };
}

interface Placed {
  readonly path: KeyPath;
  readonly settings: Mapping;
}

function listUpstreams(value: unknown): readonly Placed[] {
  const { upstream, upstreams } = asMapping(value);
  return [
    { path: ["upstream"], settings: asMapping(upstream) },
    ...Object.entries(asMapping(upstreams)).map(([name, one]) => ({
      path: ["upstreams", name],
      settings: asMapping(one),
    })),
  ];
}

function toUpstreamGroup({ path, settings }: Placed): FileGroup {
  return {
    path: [...path, "tls"],
    settings: asMapping(settings["tls"]),
    keys: { ca: "ca", cert: "cert", key: "key" },
    isOfListener: false,
  };
}

function listListeners(value: unknown): readonly Placed[] {
  const { listen } = asMapping(value);
  if (!Array.isArray(listen)) return [{ path: ["listen"], settings: asMapping(listen) }];
  return listen.map((one, index) => ({ path: ["listen", index], settings: asMapping(one) }));
}

function toListenerGroups({ path, settings }: Placed): readonly FileGroup[] {
  const tls = asMapping(settings["tls"]);
  const place = [...path, "tls"];
  return [
    {
      path: place,
      settings: tls,
      keys: { ca: "clientCA", cert: "cert", key: "key" },
      isOfListener: true,
    },
    ...asList(tls["certificates"]).map((one, index) => ({
      path: [...place, "certificates", index],
      settings: asMapping(one),
      keys: { cert: "cert", key: "key" },
      isOfListener: true,
    })),
  ];
}

function checkUpstream({ path, settings }: Placed): readonly KeyDiagnostic[] {
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

/** Only a certificate that clientCA verifies has a meaning. */
function checkListener({ path, settings }: Placed): readonly KeyDiagnostic[] {
  const { clientCA, clientAuth, forwardClientCert } = asMapping(settings["tls"]);
  if (clientCA !== undefined) return [];
  const keys = [
    ...(clientAuth === undefined ? [] : ["clientAuth"]),
    ...(forwardClientCert === true ? ["forwardClientCert"] : []),
  ];
  const message = "needs clientCA beside it";
  return keys.map((key) => ({ path: [...path, "tls", key], at: "key", message }));
}
