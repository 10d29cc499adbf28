import { fileURLToPath } from "node:url";
import type { CertificateFiles } from "./certificate-files.ts";
import type { Children } from "../shared/children.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";

/** Starts a TLS server in front of the backend, and returns its port. */
export async function startTls(
  { certificate, key }: CertificateFiles,
  children: Children,
  backendPort: number,
): Promise<number> {
  const port = await findFreePort();
  const script = fileURLToPath(new URL("peers/tls.mjs", import.meta.url));
  const args = [String(port), String(backendPort), certificate, key];
  const child = children.start("tls", [process.execPath, script, ...args]);
  await waitAccepting(child, port);
  return port;
}
