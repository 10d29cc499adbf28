/** Logins that hold for a whole connection: NTLM and Negotiate (RFC 4559 §6). RFC 9110 §11.6 wants one for each request. */

const OFFERS: ReadonlySet<string> = new Set(["www-authenticate", "proxy-authenticate"]);
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization"]);

const LONGEST = "proxy-authorization".length;
const LENGTHS: readonly boolean[] = Array.from({ length: LONGEST + 1 }, (_, length) =>
  [...OFFERS, ...CREDENTIALS].some((name) => name.length === length),
);

const IN_LIST = /(?:^|,)[\t ]*(?:NTLM|Negotiate)(?:[\t ,]|$)/i;
const AT_START = /^(?:NTLM|Negotiate)(?:[\t ]|$)/i;

/** Whether a response offers or continues such a login. `fields` are raw. */
export function offersConnectionLogin(status: number, fields: readonly string[]): boolean {
  return (status === 401 || status === 407) && hasValue(fields, OFFERS, IN_LIST);
}

/** Whether a request carries a part of such a login. `fields` are raw. */
export function carriesConnectionLogin(fields: readonly string[]): boolean {
  return hasValue(fields, CREDENTIALS, AT_START);
}

function hasValue(fields: readonly string[], names: ReadonlySet<string>, value: RegExp): boolean {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    // Most names are ruled out by their length alone, before anything is lower-cased.
    if (LENGTHS[name.length] !== true) continue;
    if (names.has(name.toLowerCase()) && value.test(fields[index + 1] ?? "")) return true;
  }
  return false;
}
