/** Logins that are valid for a whole connection: NTLM and Negotiate (RFC 4559 §6). RFC 9110 §11.6 requires one for each request. */

import { type NameTable, createNameTable } from "./name-table.ts";

const isOffer = createNameTable([
  ["www-authenticate", true],
  ["proxy-authenticate", true],
]);
const isCredentials = createNameTable([
  ["authorization", true],
  ["proxy-authorization", true],
]);

const IN_LIST = /(?:^|,)[\t ]*(?:NTLM|Negotiate)(?:[\t ,]|$)/i;
const AT_START = /^(?:NTLM|Negotiate)(?:[\t ]|$)/i;

/** Whether a response offers or continues such a login. `fields` are raw. */
export function offersConnectionLogin(status: number, fields: readonly string[]): boolean {
  return (status === 401 || status === 407) && hasValue(fields, isOffer, IN_LIST);
}

/** Whether a request carries a part of such a login. `fields` are raw. */
export function carriesConnectionLogin(fields: readonly string[]): boolean {
  return hasValue(fields, isCredentials, AT_START);
}

function hasValue(fields: readonly string[], isName: NameTable<boolean>, value: RegExp): boolean {
  for (let index = 0; index < fields.length; index += 2)
    if (isName(fields[index] ?? "") === true && value.test(fields[index + 1] ?? "")) return true;
  return false;
}
