/** Guesses what an operator meant by an unknown key. */

import { didYouMean } from "./did-you-mean.ts";
import { ODD_SPACE } from "../syntax/odd-space.ts";

/** Words of other proxies and frameworks, by the key that each may stand for. */
const SYNONYMS: readonly (readonly [key: string, words: string])[] = [
  ["listen", "port bind server addr"],
  ["upstream", "proxy_pass backend target origin proxy"],
  ["url", "address target backend"],
  ["routes", "locations paths rules"],
  ["path", "location prefix route match pattern"],
  ["host", "server_name hostname domain"],
  ["responseTimeout", "timeout proxy_read_timeout read_timeout"],
  ["connectTimeout", "proxy_connect_timeout"],
  ["cert", "certFile certificate crt ssl_certificate"],
  ["key", "keyFile privateKey private_key ssl_certificate_key"],
  ["clientCA", "ca caFile ssl_client_certificate"],
  ["clientAuth", "verify ssl_verify_client"],
  ["minVersion", "ssl_protocols"],
  ["proxyProtocol", "proxy_protocol"],
];

/** Returns an addition to the message of an unknown key. `known` lists the keys that are allowed there. */
export type KeyHint = (key: string, known: readonly string[]) => string;

/** Creates the key hint. `sections` holds the known keys of each section by the section's name. */
export function createKeyHints(sections: Readonly<Record<string, readonly string[]>>): KeyHint {
  return (key, known) => {
    const odd = describeOdd(key);
    if (odd !== undefined) return odd;
    const synonym = SYNONYMS.find(
      ([name, words]) => known.includes(name) && words.split(" ").includes(key),
    );
    if (synonym !== undefined) return `; did you mean "${synonym[0]}"?`;
    const near = didYouMean(key, known);
    if (near !== "") return near;
    const names = Object.keys(sections).filter((name) => sections[name]?.includes(key));
    return names.length === 0 ? "" : ` here: it belongs in ${names.join(" or ")}`;
  };
}

/** Describes a key that is the result of a mistake in the YAML, such as a missing space. */
function describeOdd(key: string): string | undefined {
  if (ODD_SPACE.test(key.charAt(0)))
    return ": it begins with what is no plain space, but looks like one: type that anew";
  if (/^-\w/.test(key)) return ": a space is missing after the dash";
  if (key === "apiVersion")
    return ": this is a Kubernetes manifest, the route file is a text in its data";
  if (key === "<<")
    return ": headgate applies no merge keys (YAML 1.2 has none): write out what it would bring";
  if (key === ":") return ': an address with brackets needs quotes, as in "[::]:8080"';
  if (key.startsWith("//")) return ": a comment begins with #";
  const [, name, mark] = /^(\w+)\s?([:=])./.exec(key) ?? [];
  if (name === undefined) return undefined;
  return mark === ":"
    ? ": a space is missing after the colon"
    : ": a key and its value are separated by a colon and a space";
}
