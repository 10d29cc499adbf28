/** The command to try at the start. */

import { summariseCertificate } from "../config/pem.ts";
import type { ListenerConfig } from "../config/types.ts";
import { quoteForShell } from "./shell.ts";

/** The settings of a listener that its clients have to meet. */
type TriedListener = Pick<ListenerConfig, "tls" | "proxyProtocol">;

/** A command that shows what headgate does, for any listener. It is for the machine that headgate runs on. */
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

/** A wildcard address listens on every address of the machine; the loopback address works locally. */
function toLocal(listen: string): URL {
  return new URL(listen.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:"));
}

/** The URL, with a name that the certificate is for, and where curl connects instead of looking that name up. */
function toTarget(local: URL | undefined, tls: TriedListener["tls"]): readonly string[] {
  if (tls === undefined) return [local?.href ?? "http://localhost/"];
  const { names } = summariseCertificate(tls.certificates[0].cert);
  const host = local?.hostname ?? "localhost";
  const isLoopback = /^(127\.0\.0\.1|\[::1\]|localhost)$/.test(host);
  const hosts = names.map(toHost);
  const fitting = [host, ...(isLoopback ? ["localhost"] : [])].find((one) => hosts.includes(one));
  const name = fitting ?? hosts[0] ?? host;
  const port = local === undefined ? "" : `:${local.port || "443"}`;
  const isElsewhere = local !== undefined && fitting === undefined && name !== host;
  return [...(isElsewhere ? ["--connect-to", `::${host}${port}`] : []), `https://${name}${port}/`];
}

/** The host of a URL for a name of a certificate. `*.example.com` is for any name below. */
function toHost(name: string): string {
  return name.includes(":") ? `[${name}]` : name.replace("*", "www");
}
