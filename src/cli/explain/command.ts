/** `headgate explain METHOD URL`: shows the route of a request, the upstream request and what happens to the content. */

import { isIP } from "node:net"; // pure functions: opens no socket

import { formatWarnings } from "../../config/diagnostic.ts";
import { loadConfig } from "../../config/load.ts";
import { hideQuery } from "../../http/secrets.ts";
import { type Explained, explainRequest } from "./explanation.ts";
import { hideSecrets } from "./hide-secrets.ts";
import { formatExplanation } from "./text.ts";
import { TOKEN, toField } from "../field-flag.ts";
import { UsageError, readArguments } from "../flags.ts";
import type { CommandIo } from "../io.ts";
import { RUN_FLAGS, hasSource, toSettings } from "../run-flags.ts";

/** Allows no white space and no control characters; each character is one byte. */
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

const NO_SETTINGS =
  "explain needs the settings that headgate runs with: add its flags, such as --upstream http://127.0.0.1:8000 or --config FILE, or set HEADGATE_UPSTREAM or HEADGATE_CONFIG";

/** Explains a request and sends nothing. The exit code is 0, also for a request that headgate would refuse. Throws for bad arguments. */
export async function explain(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, switches, lists, positionals } = readArguments(args, {
    values: [...RUN_FLAGS, "from"],
    switches: ["json"],
    lists: [["header", "H"]],
    maxPositionals: 2,
  });
  const [method, url] = positionals;
  if (method === undefined || url === undefined)
    throw new UsageError("explain needs a METHOD and a URL, such as: explain HEAD /health");
  const client = values.get("from") ?? "127.0.0.1";
  if (isIP(client) === 0) throw new UsageError(`--from: "${client}" is not an IP address`);
  const section = toSection(method, url, lists.get("header") ?? []);
  const upper = method.toUpperCase();
  // Any token is a valid method (RFC 9110 §9.1), and headgate sends it upstream unchanged.
  if (method !== upper) io.err(`headgate: methods are case-sensitive: did you mean ${upper}?\n`);

  const flags = toSettings(values);
  if (!hasSource(flags, io.env)) throw new UsageError(NO_SETTINGS);
  const { config, warnings } = await loadConfig({ flags, env: io.env, cwd: io.cwd });
  if (warnings.length > 0) io.err(formatWarnings(warnings));
  const explained = hideSecrets(explainRequest(config, section, client));
  io.out(switches.has("json") ? toJson(explained) : formatExplanation(explained));
  return 0;
}

/** The header section that curl would send, in latin1, without the fields that curl adds itself. */
function toSection(method: string, url: string, written: readonly string[]): string {
  if (!TOKEN.test(method)) throw new UsageError(toNoMethod(method, url));
  const [, userinfo, authority, rest = ""] = /^https?:\/\/(?:([^/?#]*)@)?([^/?#]*)(.*)$/i.exec(
    url,
  ) ?? [undefined, undefined, undefined, url];
  const [withoutFragment = ""] = rest.split("#", 1); // never sent (RFC 9110 §7.1)
  const path = withoutFragment === "" ? "/" : withoutFragment.replace(/^\?/, "/?");
  const target = toLatin1(path);
  const shown = hideQuery(url);
  // CONNECT has the form host:port.
  if (authority === undefined && !/^[/*]/.test(target) && method !== "CONNECT")
    throw new UsageError(
      `"${shown}" is neither a URL such as http://host/path nor a path; did you mean "http://${shown}"?`,
    );
  if (!TARGET.test(target))
    throw new UsageError(`"${shown}" holds what no request can: write a space as %20`);
  const fields = written.map(toField);
  const has = (wanted: string) => fields.some(([name]) => name.toLowerCase() === wanted);
  if (userinfo !== undefined && !has("authorization"))
    fields.unshift(["Authorization", toBasic(userinfo)]);
  if (!has("host")) fields.unshift(["Host", authority ?? "localhost"]);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function toNoMethod(method: string, url: string): string {
  const shown = hideQuery(method);
  const isSwapped = method.includes("/") && TOKEN.test(url);
  return `"${shown}" is not a method${isSwapped ? `; did you mean: explain ${url} ${shown}` : ""}`;
}

/** The credentials of Basic authentication (RFC 7617). Percent-decoded userinfo need not be UTF-8. */
function toBasic(userinfo: string): string {
  const login = userinfo.includes(":") ? userinfo : `${userinfo}:`;
  const bytes = toLatin1(login).replace(/%([0-9a-f]{2})/gi, (_triplet, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return `Basic ${Buffer.from(bytes, "latin1").toString("base64")}`;
}

/** Encodes a text as UTF-8, one character per byte, as curl sends it. */
function toLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The output for programs: the route's name instead of the route, and sentences only if there are no other values. */
function toJson({ request, client, match, response, forwarded }: Explained): string {
  const { method, target } = request;
  const value = {
    request: { method, target, client },
    route: match && { name: match.route.name, reason: match.reason, path: match.path },
    others: match?.others.map(({ route, reason }) => ({ name: route.name, reason })),
    answer: response,
    forwarded,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
