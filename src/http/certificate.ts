/** Reads X.509 certificates (RFC 5280), and writes them as X-Forwarded-Client-Cert. */

import type { X509Certificate } from "node:crypto";

/** A verified certificate of a client. */
export interface ClientCertificate {
  /** The distinguished name as RFC 4514 writes it: `CN=app,O=Example`. */
  readonly subject: string;
  /** SHA-256 of the certificate, in lower-case hexadecimal. */
  readonly hash: string;
  /** The names of its subjectAltName extension. */
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** Whether the upstream receives it in X-Forwarded-Client-Cert. */
  readonly isForwarded: boolean;
}

/** Reads the certificate of a client. */
export function toClientCertificate(
  certificate: X509Certificate,
  isForwarded: boolean,
): ClientCertificate {
  return {
    subject: toDistinguishedName(certificate.subject),
    hash: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    dnsNames: toNames(certificate, "DNS"),
    uris: toNames(certificate, "URI"),
    isForwarded,
  };
}

/** Returns the host names and IP addresses that a certificate is for, in lower case. Clients ignore its common name (RFC 9525 §2). */
export function toHostNames(certificate: X509Certificate): readonly string[] {
  return [...toNames(certificate, "DNS"), ...toNames(certificate, "IP Address")].map((name) =>
    name.toLowerCase(),
  );
}

/**
 * Writes one element of X-Forwarded-Client-Cert as Envoy does: keys in this order, values with `,`, `;`, `=` or `"` in quotes. A list of
 * such elements is one field.
 */
export function toForwardedClientCert({
  hash,
  subject,
  uris,
  dnsNames,
}: ClientCertificate): string {
  const pairs = [
    `Hash=${hash}`,
    `Subject=${quote(subject)}`,
    ...uris.map((uri) => `URI=${quoteIfNeeded(uri)}`),
    ...dnsNames.map((name) => `DNS=${quoteIfNeeded(name)}`),
  ];
  return pairs.join(";");
}

function quoteIfNeeded(text: string): string {
  return /^[!-~]*$/.test(text) && !/[,;="\\]/.test(text) ? text : quote(text);
}

/** Escapes all characters but visible ASCII and spaces: an authority may have signed a name with line ends, which would begin a new field. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/[^ -~]/gu, toPercent)}"`;
}

function toPercent(character: string): string {
  const bytes = [...new TextEncoder().encode(character)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** node:crypto writes one attribute a line, the most general one first; RFC 4514 §2.1 begins with the most specific one. */
function toDistinguishedName(subject: string | undefined): string {
  return (subject ?? "").split("\n").toReversed().join(",");
}

/** A name of node:crypto's list `DNS:a, URI:"b\u002cc"`: a JSON string where it needs quotes. */
const NAME = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;

function toNames({ subjectAltName }: X509Certificate, kind: string): readonly string[] {
  return [...(subjectAltName ?? "").matchAll(NAME)].flatMap(([, found, text = ""]) => {
    if (found !== kind) return [];
    return [text.startsWith('"') ? String(JSON.parse(text)) : text];
  });
}
