/** Whether PEM texts (RFC 7468) can be used. Asked when they are read: each connection would fail with them otherwise. */

import { X509Certificate, createPrivateKey, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";

/** The texts of one upstream, as far as there are any. */
export interface PemTexts {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What is wrong with which of them. */
export interface PemDiagnostic {
  readonly part: keyof PemTexts;
  readonly message: string;
}

/** What is wrong with each by itself, or, where that is nothing, with certificate and key together. */
export function checkPem(texts: PemTexts): readonly PemDiagnostic[] {
  const { ca, cert, key } = texts;
  const diagnostics: PemDiagnostic[] = [];
  const note = (part: keyof PemTexts, message: string | undefined): void => {
    if (message !== undefined) diagnostics.push({ part, message });
  };
  if (ca !== undefined) note("ca", checkCertificates(ca));
  if (cert !== undefined) note("cert", checkCertificates(cert));
  if (key !== undefined) note("key", checkKey(key));
  if (diagnostics.length > 0 || cert === undefined || key === undefined) return diagnostics;
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    return [{ part: "key", message: "the file's key does not belong to the certificate in cert" }];
  note("cert", checkPair(cert, key));
  return diagnostics;
}

/** Each block by itself: OpenSSL stops at a broken one without a word, and those behind it would not be trusted. */
function checkCertificates(text: string): string | undefined {
  const blocks = text
    .split(/(?=-----BEGIN )/)
    .filter((block) => /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(block));
  if (blocks.length === 0) return 'the file holds no "CERTIFICATE-----" block';
  for (const [index, block] of blocks.entries()) {
    const reason = reasonOf(() => new X509Certificate(block));
    const which = blocks.length === 1 ? "certificate" : `certificate ${index + 1}`;
    if (reason !== undefined) return `the file's ${which} cannot be read (${reason})`;
  }
  return undefined;
}

function checkKey(text: string): string | undefined {
  if (!text.includes("PRIVATE KEY-----")) return 'the file holds no "PRIVATE KEY-----" block';
  // PKCS #8 says so in its label, the older forms in a header (RFC 1421 §4.6.1.1).
  if (/^(?:-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED)/m.test(text))
    return "the file's key is encrypted, and headgate asks for no passphrase";
  const reason = reasonOf((): KeyObject => createPrivateKey(text));
  return reason && `the file's key cannot be read (${reason})`;
}

/** OpenSSL refuses more than what it cannot read: keys that are too short, digests that are too weak. */
function checkPair(cert: string, key: string): string | undefined {
  // Any `ca`, or the well-known authorities would be loaded for nothing.
  const reason = reasonOf(() => createSecureContext({ ca: [], cert, key }));
  return reason && `the file cannot be used (${reason})`;
}

/** OpenSSL's own word for it: `error:068000A8:asn1 encoding routines::wrong tag`. */
function reasonOf(use: () => unknown): string | undefined {
  try {
    use();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error:.*:/, "") : String(error);
  }
}
