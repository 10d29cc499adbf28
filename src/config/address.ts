/** Parses the addresses of listeners and upstreams. Each parser throws a RangeError that says what is wrong. */

import { HOST_NAME, IPV4, IPV6, MAX_NAME_LENGTH, UNPRINTABLE } from "./host-pattern.ts";
import type { TextSyntax } from "./text-syntax.ts";
import { wholeNumber } from "./number-pattern.ts";

/** Where a server listens. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** `mode` holds the permission bits of the socket's file. If it is undefined, the process's umask decides. */
  | { readonly kind: "unix"; readonly path: string; readonly mode?: number }
  /** A socket that the process inherited, for example from systemd's socket activation. */
  | { readonly kind: "fd"; readonly fd: number };

/** Where an upstream is. */
export interface UpstreamUrl {
  readonly protocol: "http:" | "https:";
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Set for `unix:/path`. */
  readonly socketPath: string | undefined;
  /** host[:port] as a Host field writes it. */
  readonly authority: string;
}

/** On Linux, `sun_path` has 108 bytes, including the final NUL. Node would truncate a longer path without an error. */
const MAX_SOCKET_PATH_BYTES = 107;
const MAX_PORT = 65_535;
/** Descriptors 0, 1 and 2 are stdin, stdout and stderr. Inherited sockets begin at 3 (sd_listen_fds(3)). */
const FIRST_SOCKET = 3;
const LAST_SOCKET = 9_999;

const IS_NAME = new RegExp(`^${HOST_NAME}$`);
const IS_IPV4 = new RegExp(`^${IPV4}$`);

const HOST = `${IPV4}|${HOST_NAME}|\\[${IPV6}\\]`;
/** The pattern counts characters. The kernel counts bytes, and a pattern cannot. */
const SOCKET = `unix:(//)?/[^${UNPRINTABLE}]{0,${MAX_SOCKET_PATH_BYTES - 2}}[^/${UNPRINTABLE}]`;
/** A name with letters beyond ASCII, to which other rules apply (IDNA). */
const FOREIGN_NAME = "([A-Za-z0-9._-]*[^\\x00-\\xa0\\xad])+[A-Za-z0-9._-]*";
const IS_FOREIGN_NAME = new RegExp(`^${FOREIGN_NAME}$`);
const SCHEME = "[Hh][Tt][Tt][Pp][Ss]?://";
const ANY_SOCKET = "unix:/.+";

/** The syntax that `parseUpstreamUrl` accepts. */
export const URL_SYNTAX = {
  name: "url",
  shape: `^(${SCHEME}[^/?#@\\s]+/?|${ANY_SOCKET})$`,
  exact: `^(${SCHEME}(${HOST}|${FOREIGN_NAME})(:(0*${wholeNumber(1, MAX_PORT)})?)?/?|${SOCKET})$`,
} as const satisfies TextSyntax;

/** The syntax that `parseAddress` accepts. */
export const ADDRESS_SYNTAX = addressSyntax("address", "");
/** The syntax that `parseAddressOrOff` accepts. */
export const ADDRESS_OR_OFF_SYNTAX = addressSyntax("addressOrOff", "off|");

function addressSyntax(name: string, off: string): TextSyntax {
  const port = `0*${wholeNumber(0, MAX_PORT)}`;
  const otherDescriptors = `${wholeNumber(0, FIRST_SOCKET - 1)}|${wholeNumber(LAST_SOCKET + 1, Infinity)}`;
  return {
    name,
    shape: `^(${off}([^:/\\[\\]]*|\\[[0-9A-Fa-f:.]+\\]):[0-9]+|${ANY_SOCKET}|fd:[0-9]+)$`,
    exact: `^(${off}(${HOST})?:${port}|${SOCKET})$`,
    // `fd:` and `unix:` at the start are not host names.
    never: `^([^:\\[]{${MAX_NAME_LENGTH + 1}}|unix:[^/]|fd:0*(${otherDescriptors})$)`,
  };
}

/** The syntax that `parseRange` accepts. */
export const RANGE_SYNTAX: TextSyntax = {
  name: "range",
  shape: "^[0-9A-Fa-f:.]+(/[0-9]+)?$",
  exact: `^(${IPV4}(/${wholeNumber(0, 32)})?|${IPV6}(/${wholeNumber(0, 128)})?)$`,
};

/** Parses an address to listen on: `host:port`, `:port` (all IPv4 addresses), `[::]:port`, `unix:/path` or `fd:3`. */
export function parseAddress(text: string): Address {
  if (text.startsWith("unix:")) return { kind: "unix", path: parseSocketPath(text) };
  if (text.startsWith("fd:")) return { kind: "fd", fd: parseDescriptor(text) };
  const match = /^(\[[^\]]*\]|[^:[\]]*):([0-9]+)$/.exec(text);
  if (match === null)
    throw new RangeError(
      `"${text}" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3${addressHint(text)}`,
    );
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  const port = Number(match[2]);
  if (port > MAX_PORT) throw new RangeError(`"${text}": a port is at most ${MAX_PORT}`);
  if (host === "" && match[1] === "") return { kind: "tcp", host: "0.0.0.0", port };
  if (!(match[1]?.startsWith("[") ? isIPv6(host) : isHost(host)))
    throw new RangeError(`"${text}": "${host}" is not a host name or address`);
  return { kind: "tcp", host, port };
}

function addressHint(text: string): string {
  const isNumber = /^[0-9]*$/.test(text);
  return !isNumber && isHost(text) ? ": the port is missing" : "";
}

function parseDescriptor(text: string): number {
  const fd = /^fd:[0-9]+$/.test(text) ? Number(text.slice(3)) : 0;
  if (fd < FIRST_SOCKET || fd > LAST_SOCKET)
    throw new RangeError(
      `"${text}" is not an inherited socket: fd:${FIRST_SOCKET} is the first one`,
    );
  return fd;
}

function parseSocketPath(text: string): string {
  // Other tools write `unix:///run/app.sock`.
  const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
  if (!path.startsWith("/") || path.endsWith("/") || /\p{C}/u.test(path)) {
    throw new RangeError(
      `"${text}" is not the absolute path of a socket, such as unix:/run/app.sock`,
    );
  }
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    throw new RangeError(
      `"${text}": the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
    );
  }
  return path;
}

const NO_URL = "is not a URL such as http://127.0.0.1:8000";

/** Parses `http://host:port`, `https://host` or `unix:/path`. An error does not repeat a text that may hold a password. */
export function parseUpstreamUrl(text: string): UpstreamUrl {
  if (text.startsWith("unix:")) {
    return {
      protocol: "http:",
      host: "localhost",
      port: 80,
      socketPath: parseSocketPath(text),
      authority: "localhost",
    };
  }
  const scheme = /^(https?:)\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== "http:" && scheme !== "https:")
    throw new RangeError("must begin with http://, https:// or unix:/");
  const url = parseUrl(text);
  if (text.includes("@"))
    throw new RangeError("must not hold a user or a password: headgate does not log in");
  if (url.pathname !== "/" || /[?#]/.test(text)) {
    throw new RangeError(
      "must end after the host and port: paths are forwarded unchanged, nothing is put before them",
    );
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (scheme === "https:" ? 443 : 80) : Number(url.port);
  if (port === 0) throw new RangeError("port 0 cannot be connected to");
  // The URL class also accepts `http://app,`, `http:///app`, `http://127.1` and `http://0x7f.1`, and rewrites some of them.
  if (!isUrl(text)) throw new RangeError(`${NO_URL}${urlHint(`${scheme}//${url.host}`)}`);
  return {
    protocol: scheme,
    host,
    port,
    socketPath: undefined,
    authority: url.host,
  };
}

// Tests the host alone, and only for what it may be: V8 takes 4 ms, a part of the start, to compile the whole of URL_SYNTAX.
function isUrl(text: string): boolean {
  const [, host] = /^https?:\/\/(\[[^\]]*\]|[^:/]*)(?::[0-9]*)?\/?$/i.exec(text) ?? [];
  if (host === undefined) return false;
  if (host.startsWith("[")) return isIPv6(host.slice(1, -1));
  return isIPv4(host) || IS_NAME.test(host) || IS_FOREIGN_NAME.test(host);
}

function urlHint(meant: string): string {
  return isUrl(meant) ? `; did you mean "${meant}"?` : "";
}

function parseUrl(text: string): URL {
  // The URL class would remove white space and tabs without an error.
  if (!/[\s\p{C}]/u.test(text) && URL.canParse(text)) return new URL(text);
  if (/^https?:\/\/[0-9a-f]*:[0-9a-f:.]*:/i.test(text))
    throw new RangeError(`${NO_URL}: an IPv6 address stands in brackets`);
  const port = Number(/:(\d+)\/?$/.exec(text)?.[1]);
  throw new RangeError(port > 65_535 ? "a port is at most 65535" : NO_URL);
}

/** The syntax that `parseMode` accepts. */
export const MODE_SYNTAX: TextSyntax = { name: "mode", shape: "^0?[0-7]{3}$" };
const MODE = new RegExp(MODE_SYNTAX.shape);

/** Parses octal digits, as chmod(1) does, into the permission bits of a socket's file. Throws a RangeError. */
export function parseMode(text: string): number {
  if (!MODE.test(text))
    throw new RangeError(`"${text}" is not a file mode such as "0660": three octal digits`);
  return Number.parseInt(text, 8);
}

/** Parses an address to listen on, or `off`. */
export function parseAddressOrOff(text: string): Address | "off" {
  return text === "off" ? "off" : parseAddress(text);
}

/**
 * Whether two servers cannot listen on these addresses at the same time. A wildcard takes its port on every address, and `::` also on
 * every IPv4 address. Names are not looked up. Port 0 never overlaps, because the kernel chooses a free port.
 */
export function overlap(one: Address, other: Address): boolean {
  if (one.kind === "unix") return other.kind === "unix" && one.path === other.path;
  if (one.kind === "fd") return other.kind === "fd" && one.fd === other.fd;
  if (other.kind !== "tcp" || one.port !== other.port || one.port === 0) return false;
  const [host, otherHost] = [toComparable(one.host), toComparable(other.host)];
  return host === otherHost || covers(host, otherHost) || covers(otherHost, host);
}

function covers(wildcard: string, host: string): boolean {
  return wildcard === "::" || (wildcard === "0.0.0.0" && isIPv4(host));
}

/** Returns the host that a client on this machine connects to. A wildcard can only be listened on; it includes loopback (ip(7)). */
export function toLocalHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Returns a host in the form in which hosts are compared. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) becomes an IPv4 address. */
export function toComparable(host: string): string {
  const name = new URL(`http://${formatHost(host)}`).hostname;
  const [, high, low] = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(name) ?? [];
  if (high === undefined || low === undefined) return name.replace(/^\[|\]$|\.$/g, "");
  const bytes = [high, low].map((pair) => Number.parseInt(pair, 16));
  return bytes.flatMap((pair) => [pair >> 8, pair & 255]).join(".");
}

/** Checks an IP address or a CIDR range, and returns it unchanged. Throws a RangeError. */
export function parseRange(text: string): string {
  const [address = "", bits, ...rest] = text.split("/");
  const maxBits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  if (maxBits === undefined || rest.length > 0)
    throw new RangeError(`"${text}" is not an IP address or a range such as 10.0.0.0/8`);
  if (bits === undefined || (/^(0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= maxBits))
    return text;
  throw new RangeError(`"${text}": the number after the slash is at most ${maxBits}`);
}

function isHost(text: string): boolean {
  return isIPv4(text) || (text.length <= MAX_NAME_LENGTH && IS_NAME.test(text));
}

function isIPv4(text: string): boolean {
  return IS_IPV4.test(text);
}

// The URL class accepts the same texts as the pattern IPV6 and, unlike `isIPv6` of `node:net`, no zone (`%eth0`). V8 takes 4 ms, a part of
// the start, to compile such a pattern.
function isIPv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]`);
}

/** Formats a URL as the route file writes it. */
export function formatUrl({ protocol, authority, socketPath }: UpstreamUrl): string {
  return socketPath === undefined ? `${protocol}//${authority}` : `unix:${socketPath}`;
}

/** Formats a host as a URL has it: an IPv6 address in brackets. */
export function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Formats an address to listen on as the route file writes it. */
export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "fd") return `fd:${address.fd}`;
  return `${formatHost(address.host)}:${address.port}`;
}
