/** The command to try at the start. */

import { formatHost, toLocalHost } from "../config/address.ts";
import type { ListenerConfig } from "../config/types.ts";
import { quoteForShell } from "./shell.ts";

/** The settings of a listener that its clients must meet. */
type TriedListener = Pick<ListenerConfig, "tls" | "proxyProtocol">;

/** Returns a command that sends a HEAD to a listener, from the machine that headgate runs on. */
export function toTry(listen: string, { tls, proxyProtocol }: Partial<TriedListener> = {}): string {
  const path = listen.startsWith("unix:") ? listen.slice("unix:".length) : undefined;
  const words = ["-I"];
  // curl trusts any certificate in this file (a partial chain): the command needs no authority, and still verifies that it reached headgate.
  if (tls !== undefined) words.push("--cacert", tls.certFile);
  if (tls?.clientAuth === "require") words.push("--cert", "client.crt", "--key", "client.key");
  if (proxyProtocol === true) words.push("--haproxy-protocol");
  if (path !== undefined) words.push("--unix-socket", path);
  words.push(...toTarget(path === undefined ? toLocal(listen) : undefined, tls));
  return ["curl", ...words.map(quoteForShell)].join(" ");
}

/** Host and port of a listener, as a URL has them: `[::1]` and `:8080`. */
interface Place {
  readonly host: string;
  readonly port: string;
}

/** Returns where a client on this machine connects to. */
function toLocal(listen: string): Place {
  const [, host = "", port = ""] = /^\w+:\/\/\[?(.*?)\]?(:\d+)?$/.exec(listen) ?? [];
  return { host: formatHost(toLocalHost(host)), port };
}

/** The URL, with a name of the certificate, and the address to which curl connects instead of looking that name up. */
function toTarget(place: Place | undefined, tls: TriedListener["tls"]): readonly string[] {
  const { host, port } = place ?? { host: "localhost", port: "" };
  if (tls === undefined) return [`http://${host}${port}/`];
  const names = tls.certificates[0].names.map(toHost);
  const isLoopback = /^(127\.0\.0\.1|\[::1\]|localhost)$/.test(host);
  const fitting = [host, ...(isLoopback ? ["localhost"] : [])].find((one) => names.includes(one));
  const name = fitting ?? names[0] ?? host;
  const isElsewhere = place !== undefined && fitting === undefined && name !== host;
  return [...(isElsewhere ? ["--connect-to", `::${host}${port}`] : []), `https://${name}${port}/`];
}

/** The host of a URL for a name of a certificate: of `*.example.com`, a name that it covers. */
function toHost(name: string): string {
  return formatHost(name).replace("*", "www");
}
