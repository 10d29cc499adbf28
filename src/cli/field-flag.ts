/** The flag `-H 'Name: value'` of commands that accept header fields. */

import { UsageError } from "./flags.ts";

/** A method or a field name (RFC 9110 §5.6.2). */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A field value (RFC 9110 §5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Splits a field into name and value. The error repeats neither, because the field may be a credential. */
export function toField(written: string, index: number): readonly [string, string] {
  const colon = written.indexOf(":");
  const name = written.slice(0, Math.max(0, colon));
  const value = written.slice(colon + 1).trim();
  if (!TOKEN.test(name) || !VALUE.test(value))
    throw new UsageError(`-H number ${index + 1} is not a field such as "Accept: text/html"`);
  return [name, value];
}
