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
  if (ca !== undefined) note("ca", checkCertificates(ca) ?? checkRoot(ca));
  if (cert !== undefined) note("cert", checkCertificates(cert));
  if (key !== undefined) note("key", checkKey(key));
  if (diagnostics.length > 0 || cert === undefined || key === undefined) return diagnostics;
  const owner = findOwner(cert, key);
  if (owner === -1)
    return [{ part: "key", message: "the file's key does not belong to the certificate in cert" }];
  if (owner > 0) {
    const message = `the key belongs to certificate ${owner + 1} in the file, which must be the first`;
    return [{ part: "cert", message }];
  }
  note("cert", checkPair(cert, key));
  return diagnostics;
}

/** Returns which certificate the key belongs to; -1 if it belongs to none. */
function findOwner(cert: string, key: string): number {
  const privateKey = createPrivateKey(key);
  return splitCertificates(cert).findIndex((block) =>
    new X509Certificate(block).checkPrivateKey(privateKey),
  );
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

/** RFC 5280 §4.2.1.12: serverAuth and anyExtendedKeyUsage. */
const FOR_SERVERS: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"]);

/** Returns the reason why clients do not accept a certificate at this time, or under any name; undefined if there is none. */
export function findUnusable(cert: string, nowMs: number): string | undefined {
  const certificate = new X509Certificate(cert);
  const { validFrom, validTo, keyUsage } = certificate;
  if (nowMs >= Date.parse(validTo))
    return `the certificate has expired: it was valid until ${validTo}`;
  if (nowMs < Date.parse(validFrom)) return `the certificate is not valid before ${validFrom}`;
  // Node's name for the extended key usage. Node's types do not say that it may be undefined.
  const usages = keyUsage as readonly string[] | undefined;
  if (usages?.some((usage) => FOR_SERVERS.has(usage)) === false)
    return "the certificate is not for servers: its extended key usage has no serverAuth";
  if (toHostNames(certificate).length > 0) return undefined;
  return "the certificate has no subjectAltName, so clients accept it for no name";
}

function splitCertificates(text: string): readonly string[] {
  return text
    .split(/(?=-----BEGIN )/)
    .filter((block) => /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(block));
}

/** Says that a block is missing, and which one the file has instead: the operator may have swapped cert and key. */
function toMissing(label: string, text: string): string {
  const [, found] = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text) ?? [];
  const instead = found === undefined ? "" : `, but "${found}"`;
  return `the file holds no "${label}-----" block${instead}`;
}

/** Checks each block separately: OpenSSL stops at a broken block without an error, and would not trust the certificates after it. */
function checkCertificates(text: string): string | undefined {
  const blocks = splitCertificates(text);
  if (blocks.length === 0) return toMissing("CERTIFICATE", text);
  for (const [index, block] of blocks.entries()) {
    const reason = reasonOf(() => new X509Certificate(block));
    const which = blocks.length === 1 ? "certificate" : `certificate ${index + 1}`;
    if (reason !== undefined) return `the file's ${which} cannot be read (${reason})`;
  }
  return undefined;
}

/** OpenSSL accepts a chain only up to a certificate that issued itself, so without one it would accept no certificate. */
function checkRoot(text: string): string | undefined {
  if (splitCertificates(text).some(isRoot)) return undefined; // it stops at the first: a bundle holds over a hundred
  return "the file has no root certificate: each of its certificates was issued by another one";
}

function isRoot(block: string): boolean {
  const { subject, issuer } = new X509Certificate(block);
  return subject === issuer;
}

function checkKey(text: string): string | undefined {
  if (!text.includes("PRIVATE KEY-----")) return toMissing("PRIVATE KEY", text);
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
