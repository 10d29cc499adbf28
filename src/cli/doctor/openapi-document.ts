/** Finds the OpenAPI document of a backend: in a file, at its URL, or at a path that frameworks use. */

import { readLargeFile, resolveFrom } from "../../config/files.ts";
import { parseData } from "../../config/yaml/data.ts";
import { UsageError } from "../flags.ts";
import type { Io } from "../io.ts";
import { type Client, withFields } from "./client.ts";
import { type Failure, openRawConnection } from "./raw-connection.ts";
import { type ApiDocument, type Site, readApiDocument } from "./openapi.ts";
import type { DoctorOptions } from "./options.ts";
import { assertReached } from "./reach.ts";

/** A document, or the reason why there is none. */
export type Found =
  | { readonly document: ApiDocument; readonly source: string }
  | { readonly document: undefined; readonly reason: string };

/** The largest public documents have 12 MB. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_DEPTH = 256;
/** The fields of a request for a document: JSON, in no coding, which the doctor could not decode. */
const WANTED = ["Accept", "application/json, */*;q=0.5", "Accept-Encoding", "identity"];

/** The paths that frameworks use, the most common first. */
export const DOCUMENT_PATHS: readonly string[] = [
  "/openapi.json", // FastAPI, Litestar (/schema/openapi.json), hand-written
  "/swagger.json", // Flask-RESTX, goa
  "/v3/api-docs", // Springdoc
  "/api-docs", // swagger-jsdoc
  "/v2/api-docs", // Springfox
  "/swagger/v1/swagger.json", // ASP.NET Swashbuckle
  "/openapi/v1.json", // ASP.NET from 9
  "/swagger/doc.json", // Go swag
  "/api-json", // NestJS
  "/api/schema/", // drf-spectacular
  "/api/docs.json", // API Platform
  "/documentation/json", // @fastify/swagger
  "/schema/openapi.json", // Litestar
  "/openapi.yaml",
];

/** Finds the document. Throws a UsageError for a file that cannot be read, and the errors of `assertReached`. */
export async function findDocument(
  client: Client,
  { openapi, base }: Pick<DoctorOptions, "openapi" | "base">,
  { cwd }: Pick<Io, "cwd">,
): Promise<Found> {
  if (openapi === undefined) return searchDocument(client, base);
  if (/^https?:/i.test(openapi)) return fetchNamed(client, openapi, base);
  const read = await readLargeFile(resolveFrom(cwd, openapi), MAX_BYTES);
  if ("reason" in read) throw new UsageError(`--openapi: the file ${read.reason}`);
  const parsed = await parseText(read.text, { origin: client.url, base });
  if ("reason" in parsed) throw new UsageError(`--openapi: ${parsed.reason}`);
  return { ...parsed, source: openapi };
}

/** The request-target for `--openapi URL`. The doctor sends requests to the backend's origin only. */
export function toDocumentTarget(url: string, openapi: string): string {
  const same = URL.canParse(openapi) && URL.canParse(url) ? new URL(openapi) : undefined;
  if (same === undefined || same.origin !== new URL(url).origin)
    throw new UsageError(
      "--openapi has another origin than URL, and nothing is sent there: fetch the document, and give the FILE",
    );
  if (same.username !== "" || same.password !== "")
    throw new UsageError("--openapi holds a login: give it by -H 'Authorization: …'");
  return same.pathname + same.search;
}

async function fetchNamed(
  client: Client,
  openapi: string,
  base: string | undefined,
): Promise<Found> {
  const target = toDocumentTarget(client.url, openapi);
  const fetched = await fetchText(client, target);
  if (!("text" in fetched)) return { document: undefined, reason: toWords(fetched) };
  const parsed = await parseText(fetched.text, { origin: client.url, base });
  if ("reason" in parsed) return { document: undefined, reason: parsed.reason };
  return { ...parsed, source: new URL(openapi).pathname };
}

async function searchDocument(client: Client, base: string | undefined): Promise<Found> {
  let refusal: string | undefined;
  for (const path of DOCUMENT_PATHS) {
    const fetched = await fetchText(client, path);
    // If the backend does not respond to this path, it will not respond to the next ten either.
    if ("failure" in fetched)
      return { document: undefined, reason: `${path}: ${toWords(fetched)}` };
    if ("text" in fetched) {
      const parsed = await parseText(fetched.text, { origin: client.url, base });
      if ("document" in parsed) return { ...parsed, source: path };
    } else if (fetched.status === 401 || fetched.status === 403) refusal ??= path;
  }
  const hint = refusal === undefined ? "" : `; ${refusal} needs credentials (--header)`;
  return { document: undefined, reason: `none at ${DOCUMENT_PATHS.length} usual paths${hint}` };
}

type Fetched =
  | { readonly text: string }
  | { readonly status: number }
  | { readonly failure: Failure };

async function fetchText(client: Client, target: string): Promise<Fetched> {
  const chunks: Buffer[] = [];
  const limits = { ...client.limits, maxBytes: MAX_BYTES };
  const connection = openRawConnection(client.connect, limits);
  try {
    const fields = withFields(client.fields, WANTED);
    const outcome = await connection.send({
      method: "GET",
      target,
      fields,
      until: ({ status }) => (status === 200 ? "end" : "head"),
      onContent: (chunk) => void chunks.push(chunk),
    });
    if ("failure" in outcome) {
      assertReached(outcome.failure, client.url);
      return outcome;
    }
    const { status, ended } = outcome.response;
    // A stream that is sent for every path is not a document, and neither is a truncated one.
    if (status !== 200 || ended !== "complete") return { status: status === 200 ? 0 : status };
    return { text: Buffer.concat(chunks).toString("utf8") };
  } finally {
    connection.close();
  }
}

function toWords(fetched: { readonly status: number } | { readonly failure: Failure }): string {
  if ("failure" in fetched) return fetched.failure.message;
  return fetched.status === 0 ? "it did not come whole" : `it is answered with ${fetched.status}`;
}

async function parseText(
  text: string,
  site: Site,
): Promise<{ readonly document: ApiDocument } | { readonly reason: string }> {
  const data = await parseAny(text.replace(/^\ufeff/, ""));
  if ("reason" in data) return { reason: `it is neither JSON nor YAML: ${data.reason}` };
  const document = readApiDocument(data.value, site);
  return document === undefined
    ? { reason: "it is no OpenAPI 3 or Swagger 2 document" }
    : { document };
}

/** Checks the depth first: V8 needs 12 s to parse ten million nested brackets. Brackets in JSON strings do not nest. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let isText = false;
  // A loop, because a regular expression overflows V8's stack for a string of a few megabytes.
  for (let index = 0; index < text.length && depth <= MAX_DEPTH; index += 1) {
    const character = text[index];
    if (isText) {
      if (character === "\\") index += 1;
      else if (character === '"') isText = false;
    } else if (character === '"') isText = true;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
  }
  return depth > MAX_DEPTH;
}

async function parseAny(
  text: string,
): Promise<{ readonly value: unknown } | { readonly reason: string }> {
  if (isTooDeep(text)) return { reason: `it is nested deeper than ${MAX_DEPTH} levels` };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    // HTML is not YAML; the YAML parser would read it up to its first syntax error.
    return /^\s*</.test(text) ? { reason: "it is a page" } : parseData(text);
  }
}
