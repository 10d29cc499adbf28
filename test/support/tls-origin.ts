/** An upstream with TLS on a raw socket, so that a test can end the TLS stream and the connection separately. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SecureContextOptions, TLSSocket, createSecureContext } from "node:tls";

import { listenOn } from "./listen.ts";
import { Transport } from "./peer.ts";
import type { Cleanup } from "./wire.ts";

/** A certificate, its key, and the file with its authority. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly file: string;
  readonly keyFile: string;
}

/** Creates a certificate with its own authority, valid for `names` (in openssl's form: `DNS:a.test,IP:127.0.0.1`). */
export function makeCertificate(t: Cleanup, names: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [keyFile, file] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=upstream", "-addext", `subjectAltName=${names}`];
  const output = ["-days", "2", "-keyout", keyFile, "-out", file];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, ...output], { stdio: "pipe" });
  return { cert: readFileSync(file), key: readFileSync(keyFile), file, keyFile };
}

/** A connection with TLS. */
export interface TlsConnection {
  /** The decrypted side. */
  readonly secure: TLSSocket;
  /** The raw socket below it. `end` sends a FIN and no close_notify. */
  readonly raw: Socket;
}

/** Listens on 127.0.0.1 and passes each connection to `speak` once its first HTTP bytes have arrived. */
export async function startTlsOrigin(
  t: Cleanup,
  options: SecureContextOptions & { readonly requestCert?: boolean },
  speak: (connection: TlsConnection) => void,
): Promise<number> {
  const secureContext = createSecureContext(options);
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    const secure = new TLSSocket(new Transport(raw), {
      isServer: true,
      secureContext,
      requestCert: options.requestCert ?? false,
      rejectUnauthorized: options.requestCert ?? false,
    });
    for (const socket of [raw, secure]) socket.on("error", () => undefined);
    secure.once("data", () => speak({ secure, raw }));
    t.after(() => void raw.destroy());
  });
  return listenOn(t, server);
}
