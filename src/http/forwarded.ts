/** X-Forwarded-* fields: which peers are trusted, and what headgate appends. */

import { BlockList } from "node:net"; // pure: a set of addresses, no socket

import { type ClientCertificate, toForwardedClientCert } from "./certificate.ts";
import { createNameTable } from "./name-table.ts";

/** The other end of a client connection. `address` is undefined for a unix socket. */
export interface Peer {
  readonly address: string | undefined;
  readonly trusted: boolean;
  /** Whether the client used TLS. */
  readonly isSecure?: boolean;
  /** Its certificate as an element of X-Forwarded-Client-Cert; undefined if it is not forwarded. */
  readonly certificate?: string | undefined;
}

/** The other end of a connection, as the server knows it. */
export interface ConnectedPeer {
  readonly remoteAddress: string | undefined;
  readonly isUnix?: boolean;
  /** Whether the address is that of a proxy which does not tell its client (the PROXY protocol's UNKNOWN). */
  readonly isUnknown?: boolean;
  readonly tls?: { readonly certificate: ClientCertificate | undefined } | undefined;
}

/**
 * The names of all fields that claim who the client is or how its request came: the only list of them, which the documentation shows.
 * `*` stands for any rest of a name. Each framework and CDN trusts some of them. RFC 7239's Forwarded makes the same claims.
 */
export const CLAIM_NAMES: readonly string[] = [
  "X-Forwarded-*",
  "X-Forwarded",
  "Forwarded",
  "X-Real-IP",
  "X-Client-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
  "Fastly-Client-IP",
];

// The three fields that headgate writes. It appends nothing to Forwarded: hardly any backend reads it, and an incomplete chain is worse
// than none.
const FOR = "x-forwarded-for";
const PROTO = "x-forwarded-proto";
const HOST = "x-forwarded-host";
/** Written only if a listener has `forwardClientCert`. */
const CERTIFICATE = "x-forwarded-client-cert";

/** Returns the lower-case name of a field that headgate writes itself; undefined for any other field. */
const toOwnName = createNameTable([FOR, PROTO, HOST].map((name) => [name, name]));

const PREFIX = "x-forwarded-";
const EXACT_NAMES: ReadonlySet<string> = new Set(
  CLAIM_NAMES.map((name) => name.toLowerCase()).filter((name) => !name.endsWith("*")),
);
const LOWER_CASE = 0x20; // the bit in which upper and lower case of a letter differ
const LETTER_F = 0x66;
// The lengths and first letters of these names.
const BEGINNINGS: ReadonlySet<number> = new Set([...EXACT_NAMES].map(toBeginning));

const RANGE = /^([^/]+)(?:\/(\d{1,3}))?$/;

/** Whether the peer with that address is trusted; undefined: not a TCP peer. */
export type Trust = (address: string) => boolean;

/**
 * Compiles the list of trusted addresses and CIDR ranges. Throws (TypeError, RangeError) if an entry is not an address or a range:
 * `10.0.0.0/` must not mean every address.
 */
export function createTrust(ranges: readonly string[]): Trust {
  const list = new BlockList();
  for (const range of ranges) {
    const [, network = "", prefix] = RANGE.exec(range) ?? [];
    const family = toFamily(network);
    if (prefix === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(prefix), family);
  }
  return (address) => list.check(address, toFamily(address));
}

// A colon is enough to decide: the BlockList refuses a text that is no address of that family.
function toFamily(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/**
 * Finds the peer of a connection, once per connection: a check against a list of ranges costs as much as the rest of a request's routing.
 *
 * All peers of a unix socket are trusted, because its file permissions have already decided. A TCP peer without an address is not
 * trusted, otherwise any client could forge a chain by a reset right after its request. Nor is an unknown client of a trusted proxy: the
 * proxy passes its bytes without a look, forged fields too.
 */
export function createPeers(isTrusted: Trust): (connected: ConnectedPeer) => Peer {
  const peers = new WeakMap<ConnectedPeer, Peer>();
  return (connected) => {
    const cached = peers.get(connected);
    if (cached !== undefined) return cached;
    const { isUnix, isUnknown, tls } = connected;
    const address = toPeerAddress(connected.remoteAddress);
    const peer: Peer = {
      address,
      trusted: isUnknown !== true && (address === undefined ? isUnix === true : isTrusted(address)),
      isSecure: tls !== undefined,
      certificate:
        tls?.certificate?.isForwarded === true ? toForwardedClientCert(tls.certificate) : undefined,
    };
    peers.set(connected, peer);
    return peer;
  };
}

/** Returns the address of a peer. An IPv4 peer of a dual-stack socket loses the IPv6 prefix: `::ffff:10.0.0.1` becomes `10.0.0.1`. */
export function toPeerAddress(remoteAddress: string | undefined): string | undefined {
  return remoteAddress?.startsWith("::ffff:") === true ? remoteAddress.slice(7) : remoteAddress;
}

/**
 * Appends the peer's address to X-Forwarded-For, and adds X-Forwarded-Proto and X-Forwarded-Host unless a trusted peer sent them.
 *
 * Claims of an untrusted peer are dropped, because uvicorn trusts them from 127.0.0.1, which is a sidecar's address. The chain stays in
 * one field line, because uvicorn reads only the last line of a repeated field.
 */
// oxlint-disable-next-line complexity -- one pass; four passes would cost every request three times as much
export function withForwarded(
  fields: readonly string[],
  peer: Peer,
  host: string | undefined,
): string[] {
  const chain: string[] = [];
  const outgoing: string[] = [];
  let chainAt = -1;
  let hasProto = false;
  let hasHost = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    if (!peer.trusted && isClaim(name)) continue;
    const own = toOwnName(name);
    if (own === FOR) {
      if (chainAt === -1) chainAt = outgoing.push(name, value) - 1;
      if (value !== "") chain.push(value); // RFC 9110 §5.6.1.1: a list is sent without empty elements
      continue;
    }
    if (own === PROTO) hasProto = true;
    if (own === HOST) hasHost = true;
    outgoing.push(name, value);
  }
  if (peer.address !== undefined) chain.push(peer.address);
  if (chainAt !== -1) outgoing[chainAt] = chain.join(", ");
  else if (chain.length > 0) outgoing.push("X-Forwarded-For", chain.join(", "));
  if (!hasProto) outgoing.push("X-Forwarded-Proto", peer.isSecure === true ? "https" : "http");
  if (!hasHost && host !== undefined) outgoing.push("X-Forwarded-Host", host);
  if (peer.certificate !== undefined) appendCertificate(outgoing, peer.certificate);
  return outgoing;
}

/** Appends the client's certificate to the chain that a trusted peer sent, in one field line. */
function appendCertificate(fields: string[], certificate: string): void {
  const at = fields.findIndex(
    (text, index) => index % 2 === 0 && text.toLowerCase() === CERTIFICATE,
  );
  if (at === -1) fields.push("X-Forwarded-Client-Cert", certificate);
  else fields[at + 1] = `${fields[at + 1]},${certificate}`;
}

/**
 * Whether a field claims who the client is: one of `CLAIM_NAMES`, in any letter case and with `_` for any `-`. WSGI and CGI turn both
 * into the same variable, so a backend would trust X_Forwarded_For as well.
 */
export function isClaim(name: string): boolean {
  // Excludes nearly every other field before anything is lower-cased.
  const mayBegin = name.length >= PREFIX.length && (name.charCodeAt(2) | LOWER_CASE) === LETTER_F; // X-F
  if (!mayBegin && !BEGINNINGS.has(toBeginning(name))) return false;
  const plain = name.toLowerCase().replaceAll("_", "-");
  return plain.startsWith(PREFIX) || EXACT_NAMES.has(plain);
}

function toBeginning(name: string): number {
  return name.length * 256 + (name.charCodeAt(0) | LOWER_CASE);
}
