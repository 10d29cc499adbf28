/** Guesses what an operator meant by an invalid address or URL. Each guess is undefined if nothing is probable. */

import { guessBoolean } from "./guess.ts";
import { didYouMean } from "./did-you-mean.ts";

/** Guesses an address from `8080`, `*:8080`, `0.0.0.0`, `http://0.0.0.0:8080/` or `/run/a.sock`. */
export function guessAddress(input: unknown, port = 8080): string | undefined {
  if (typeof input !== "string" && typeof input !== "number") return undefined;
  const text = String(input).trim();
  if (/^[0-9]{1,5}(\/tcp)?$/.test(text)) return `:${Number.parseInt(text, 10)}`;
  if (/^\/[^:\s]+$/.test(text)) return `unix:${text}`;
  if (/^\[[0-9A-Fa-f:.]+\]$/.test(text)) return `${text}:${port}`;
  if (/^(localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)$/.test(text)) return `${text}:${port}`;
  if (/^\*:[0-9]{1,5}$/.test(text)) return text.slice(1);
  if (/^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*$/.test(text) && text.includes("::"))
    return guessIpv6(text, port);
  // Of an https URL the address alone would be a port without TLS.
  const address = /^(?!https:)[a-z]+:\/\/([^/?#@]+)\/?$/i.exec(text)?.[1];
  return address?.includes(":") ? address : undefined;
}

/** `:::8080` becomes `[::]:8080`, `::1:8080` becomes `[::1]:8080`, and `::1` gets a port. */
function guessIpv6(text: string, preset: number): string {
  const [, host, port] = /^(::1?):([0-9]{2,5})$/.exec(text) ?? [];
  return host === undefined ? `[${text}]:${preset}` : `[${host}]:${port}`;
}

/** Like `guessAddress`; a value such as `false` becomes `off`. */
export function guessAddressOrOff(input: unknown): string | undefined {
  return guessBoolean(input) === false ? "off" : guessAddress(input, 9090);
}

/**
 * Guesses a URL from `8000`, `localhost:8000`, `https//app`, `htpp://app` or `/run/a.sock`. It does not repeat a text that may hold a
 * password.
 */
export function guessUrl(input: unknown): string | undefined {
  if (typeof input !== "string" && typeof input !== "number") return undefined;
  const text = String(input).trim();
  if (text.includes("@")) return undefined;
  if (/^:?[0-9]{2,5}$/.test(text)) return `http://127.0.0.1:${text.replace(":", "")}`;
  if (/^[0-9]*$/.test(text)) return undefined;
  if (/^\/[^:\s]+$/.test(text)) return `unix:${text}`;
  const [, scheme = "", authority] =
    /^(?:([a-z]{2,8})(?::\/*|\/\/))?((?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?)(?:[/?#].*)?$/i.exec(
      text,
    ) ?? [];
  if (authority === undefined || isPortOf(scheme, text))
    return guessIpv6Url(text) ?? withScheme(text);
  return `${/^(https|wss)$/i.test(scheme) || isNear(scheme, "https") ? "https" : "http"}://${authority}`;
}

/** `http://::1:8000` becomes `http://[::1]:8000`. */
function guessIpv6Url(text: string): string | undefined {
  const [, scheme = "http://", place] =
    /^(https?:\/\/)?([0-9a-f:]*::[0-9a-f:]*)\/?$/i.exec(text) ?? [];
  if (place === undefined) return undefined;
  // The last group of an address has at most four digits, and a port nearly always four or more.
  const [, host, port] = /^(.*(?:[0-9a-f]|::)):([0-9]{4,5})$/i.exec(place) ?? [];
  return host === undefined ? `${scheme}[${place}]` : `${scheme}[${host}]:${port}`;
}

/** `app:8000` is a host with its port, not the scheme "app". */
function isPortOf(scheme: string, text: string): boolean {
  return scheme !== "" && /^[^:/]+:[0-9]+\/?$/.test(text);
}

function withScheme(text: string): string | undefined {
  return /^[a-z0-9_.-]+:[0-9]{1,5}\/?$/i.test(text) ? `http://${text}` : undefined;
}

function isNear(scheme: string, known: string): boolean {
  return scheme.length > 4 && didYouMean(scheme, [known]) !== "";
}

/** Guesses a host from `http://example.com/x`, `example.com:80` or `example.com/x`. */
export function guessHost(input: unknown): string | undefined {
  if (typeof input !== "string") return undefined;
  const host = /^(?:[a-z]+:\/\/)?((?:\*\.)?[A-Za-z0-9_.-]+)(?::[0-9]*)?(?:\/.*)?$/i.exec(
    input,
  )?.[1];
  return host === input ? undefined : host;
}
