/** Runs a diagnosis: reads the document, selects and tries the endpoints. `doctor` prints the result, `init` writes a route file. */

import type { Io } from "../io.ts";
import { toProgramName } from "../program-name.ts";
import { showsProgress } from "../terminal.ts";
import { type Client, createClient } from "./client.ts";
import { type Found, findDocument } from "./openapi-document.ts";
import { selectEndpoints, toNamed } from "./endpoints.ts";
import { examine } from "./examine.ts";
import type { DoctorOptions } from "./options.ts";
import { toFlags } from "./next.ts";
import { hideOwnSecrets } from "./own-secrets.ts";
import type { Endpoint } from "./parameters.ts";
import type { Diagnosis } from "./diagnosis.ts";

/** Characters of a path in the progress line: a line that a narrow terminal wraps could not be overwritten. */
const MAX_PROGRESS = 20;

/** Diagnoses a backend. Throws a UsageError or an UnreachedError. */
export async function diagnose(options: DoctorOptions, io: Io): Promise<Diagnosis> {
  const client = await createClient(options.backend, options, io);
  const through = options.through && (await createClient(options.through, options, io));
  try {
    return await diagnoseAt(client, through, { options, io });
  } finally {
    client.close();
    through?.close();
  }
}

interface Context {
  readonly options: DoctorOptions;
  readonly io: Io;
}

async function diagnoseAt(
  client: Client,
  through: Client | undefined,
  { options, io }: Context,
): Promise<Diagnosis> {
  // If the arguments name paths, only these are tried, unless the arguments name a document as well.
  const isSearched = options.targets.length === 0 || options.openapi !== undefined;
  const found = isSearched ? await findDocument(client, options, io) : undefined;
  const { endpoints, notTried } = selectEndpoints(found?.document, options);
  const isBare = found !== undefined && found.document === undefined && endpoints.length === 0;
  const tried = isBare ? [toNamed("/")] : endpoints;
  const progress = createProgress(tried.length, io);
  try {
    const examined = await examine(tried, {
      client,
      through,
      concurrency: options.concurrency,
      sendsOptions: options.sendsOptions,
      onBegin: progress.show,
    });
    const { url } = client;
    const source = toSource(url, found);
    const { targets: named } = options;
    const program = toProgramName(io);
    const shown = hideOwnSecrets(examined, options);
    const flags = toFlags(options);
    return {
      program,
      url,
      throughUrl: through?.url,
      named,
      flags,
      source,
      examined: shown,
      notTried,
    };
  } finally {
    progress.clear();
  }
}

function toSource(url: string, found: Found | undefined): string {
  if (found === undefined) return url;
  if (found.document === undefined)
    return `${url}: no OpenAPI document (${found.reason}); name paths behind the URL`;
  const { version, operations, withoutGet, unread } = found.document;
  const paths = operations.length === 1 ? "1 path" : `${operations.length} paths`;
  const rest = withoutGet === 0 ? "" : `, ${withoutGet} without`;
  const beyond = unread === 0 ? "" : `, ${unread} more not read`;
  return `${url}, ${version} from ${found.source}: ${paths} with GET${rest}${beyond}`;
}

/** Creates a progress line on the terminal; each update overwrites it. */
function createProgress(count: number, io: Io) {
  const isShown = showsProgress(io);
  return {
    show({ shown }: Endpoint, index: number): void {
      if (isShown) io.err(`\r\u001b[K${index + 1} of ${count}: ${shown.slice(0, MAX_PROGRESS)}`);
    },
    clear(): void {
      if (isShown) io.err("\r\u001b[K");
    },
  };
}
