/** Checks PEM texts (RFC 7468) when they are read. Without the check, each connection would fail later. */

import { X509Certificate, createPrivateKey, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";

import { toHostNames } from "../http/certificate.ts";

/** The PEM texts of one upstream. Each is optional. */
export interface PemTexts {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A mistake in one of the texts. */
export interface PemDiagnostic {
  readonly part: keyof PemTexts;
  readonly message: string;
}

/** Checks each text. If all are valid, it checks whether certificate and key belong together. */
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

/** What the operator and the metrics need to know of a certificate. */
export interface CertificateSummary {
  /** The host names and IP addresses that it is for. */
  readonly names: readonly string[];
  /** The end of its validity, in milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** Summarises the first certificate of a PEM text that `checkPem` accepted. */
export function summariseCertificate(cert: string): CertificateSummary {
  const certificate = new X509Certificate(cert);
  return { names: toHostNames(certificate), notAfterMs: Date.parse(certificate.validTo) };
}

/** Returns the reason why clients do not accept a certificate at this time, or under any name; undefined if there is none. */
export function findUnusable(cert: string, nowMs: number): string | undefined {
  const { validFrom, validTo } = new X509Certificate(cert);
  if (nowMs >= Date.parse(validTo))
    return `the certificate has expired: it was valid until ${validTo}`;
  if (nowMs < Date.parse(validFrom)) return `the certificate is not valid before ${validFrom}`;
  if (summariseCertificate(cert).names.length > 0) return undefined;
  return "the certificate has no subjectAltName, so clients accept it for no name";
}

/** Checks each block separately: OpenSSL stops at a broken block without an error, and would not trust the certificates after it. */
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
  // An encrypted PKCS #8 key has a label of its own; the older formats have a header (RFC 1421 §4.6.1.1).
  if (/^(?:-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED)/m.test(text))
    return "the file's key is encrypted, and headgate asks for no passphrase";
  const reason = reasonOf((): KeyObject => createPrivateKey(text));
  return reason && `the file's key cannot be read (${reason})`;
}

/** OpenSSL also refuses texts that it can read: keys that are too short, digests that are too weak. */
function checkPair(cert: string, key: string): string | undefined {
  // Without a `ca`, OpenSSL would load the well-known authorities, which this check does not need.
  const reason = reasonOf(() => createSecureContext({ ca: [], cert, key }));
  return reason && `the file cannot be used (${reason})`;
}

/** Returns OpenSSL's reason without its prefix, as in `error:068000A8:asn1 encoding routines::wrong tag`. */
function reasonOf(use: () => unknown): string | undefined {
  try {
    use();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^error:.*:/, "") : String(error);
  }
}
