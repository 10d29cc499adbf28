import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CERTIFICATE, KEY } from "../../test/support/certificate.ts";
import type { Children } from "../shared/children.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";

/** Starts a TLS server in front of the backend, and returns its port. The certificate goes to `folder`. */
export async function startTls(
  folder: string,
  children: Children,
  backendPort: number,
): Promise<number> {
  const port = await findFreePort();
  const [cert, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  writeFileSync(cert, CERTIFICATE);
  writeFileSync(key, KEY);
  const script = fileURLToPath(new URL("peers/tls.mjs", import.meta.url));
  const args = [String(port), String(backendPort), cert, key];
  const child = children.start("tls", [process.execPath, script, ...args]);
  await waitAccepting(child, port);
  return port;
}
