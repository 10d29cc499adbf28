/** `headgate doctor --dry-run`: lists the requests that would be sent. It sends none, so it reads a document only from a file. */

import { toPrintable } from "../../ops/log/printable.ts";
import { hideQuery } from "../../http/secrets.ts";
import type { Io } from "../io.ts";
import { createClient } from "./client.ts";
import { DOCUMENT_PATHS, findDocument, toDocumentTarget } from "./openapi-document.ts";
import { selectEndpoints } from "./endpoints.ts";
import type { DoctorOptions } from "./options.ts";

/** Formats the plan as text. Throws the errors of `diagnose`. */
export async function toPlan(options: DoctorOptions, io: Io): Promise<string> {
  const { openapi, backend, through, sendsOptions, targets } = options;
  const client = await createClient(backend, options, io);
  client.close();
  const isUrl = openapi !== undefined && /^https?:/i.test(openapi);
  const isFile = openapi !== undefined && !isUrl;
  const found = isFile ? await findDocument(client, options, io) : undefined;
  const { endpoints, notTried } = selectEndpoints(found?.document, options);
  const search = isUrl
    ? [`GET  ${hideQuery(toDocumentTarget(backend.url, openapi))}`]
    : isFile || targets.length > 0
      ? []
      : DOCUMENT_PATHS.map((path) => `GET  ${path}`);
  const lines = [
    `Nothing was sent. To ${[backend, through].flatMap((one) => one?.url ?? []).join(" and ")}:`,
    ...search,
    ...(search.length > 0 ? ["     (until one is an OpenAPI document, then what it lists)"] : []),
    ...endpoints.map(({ shown }) => `GET, HEAD, GET${sendsOptions ? ", OPTIONS" : ""}  ${shown}`),
    ...(endpoints.length > 0
      ? ["     (and GET with Range: bytes=0-0 where the content is large)"]
      : []),
    ...notTried.map(({ shown, reason }) => `not tried: ${shown}: ${reason}`),
  ];
  return lines.map((line) => `${toPrintable(line, 600)}\n`).join("");
}
