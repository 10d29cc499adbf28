/** `headgate explain METHOD URL`: which route a request meets, what the upstream would get of it, and what becomes of the body. */

import { isIP } from "node:net"; // pure: no socket

import { loadConfig } from "../../config/load.ts";
import { findField } from "../../http/headers.ts";
import type { RequestHead } from "../../http/wire/request-head.ts";
import { type Explained, explainRequest } from "./dry-run.ts";
import { formatExplanation, toContentWords } from "./text.ts";
import { UsageError, readArguments } from "../flags.ts";
import type { CommandIo } from "../io.ts";

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Neither white space nor control characters, and one character is one byte. */
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
/** RFC 9110 §5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Explains and sends nothing. Exit code 0, also for a request that headgate would refuse; throws for what it cannot read. */
export async function explain(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, switches, lists, positionals } = readArguments(args, {
    values: ["config", "upstream", "from"],
    switches: ["json"],
    lists: [["header", "H"]],
    mostPositionals: 2,
  });
  const [method, url] = positionals;
  if (method === undefined || url === undefined)
    throw new UsageError("explain needs a METHOD and a URL, such as: explain HEAD /health");
  const client = values.get("from") ?? "127.0.0.1";
  if (isIP(client) === 0) throw new UsageError(`--from: "${client}" is not an IP address`);
  const request = toRequest(method, url, lists.get("header") ?? []);

  const flags = { config: values.get("config"), upstream: values.get("upstream") };
  const { config } = await loadConfig({ flags, env: io.env, cwd: io.cwd });
  const explained = explainRequest(config, request, client);
  io.out(switches.has("json") ? toJson(explained) : formatExplanation(explained));
  return 0;
}

/** The request that curl would send, without the fields that curl adds of its own. */
function toRequest(method: string, url: string, written: readonly string[]): RequestHead {
  if (!TOKEN.test(method)) throw new UsageError(`"${method}" is not a method`);
  const upper = method.toUpperCase();
  if (method !== upper)
    throw new UsageError(`methods are case-sensitive: did you mean ${upper} instead of ${method}?`);
  const [, authority, rest = ""] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [
    undefined,
    undefined,
    url,
  ];
  const [withoutFragment = ""] = rest.split("#", 1); // never sent (RFC 9110 §7.1)
  const path = withoutFragment === "" ? "/" : withoutFragment.replace(/^\?/, "/?");
  const target = Buffer.from(path, "utf8").toString("latin1"); // one character for each byte, as curl sends it
  if (authority === undefined && !/^[/*]/.test(target))
    throw new UsageError(`"${url}" is neither a URL such as http://host/path nor a path`);
  if (!TARGET.test(target))
    throw new UsageError(`"${url}" holds what no request can: write a space as %20`);
  const fields = written.flatMap(toField);
  const host = authority ?? "localhost";
  const rawFields = findField(fields, "host") === undefined ? ["Host", host, ...fields] : fields;
  return { method, target, httpVersion: "1.1", rawFields };
}

function toField(written: string): readonly [string, string] {
  const colon = written.indexOf(":");
  const name = written.slice(0, Math.max(0, colon));
  const value = written.slice(colon + 1).trim();
  if (!TOKEN.test(name) || !VALUE.test(value))
    throw new UsageError(`-H: "${written}" is not a field such as "Accept: text/html"`);
  return [name, value];
}

/** For programs: names instead of whole routes, sentences where there is nothing else to say. */
function toJson({ request, client, match, answer, forwarded }: Explained): string {
  const { method, target } = request;
  const content = match && forwarded && toContentWords(forwarded, match.route);
  const value = {
    request: { method, target, client },
    route: match && { name: match.route.name, reason: match.reason, path: match.path },
    others: match?.others.map(({ route, reason }) => ({ name: route.name, reason })),
    answer,
    forwarded: forwarded && { ...forwarded, content },
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
