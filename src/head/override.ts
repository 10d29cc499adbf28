/** HEADs that may be another method to the backend: how it answers them says nothing about HEAD. */

import type { GuardedRequest } from "./guards.ts";

// What frameworks look at: Rails, Laravel, Symfony, Spring, Express' method-override, ASP.NET and OData.
const FIELD = /^x[-_](?:http[-_])?method(?:[-_]?override)?$/i;
const PARAMETER = /[?&](?:_method|x-(?:http-)?method(?:-override)?)=/i;

/** Whether a HEAD names a method, in a field or in its query, beside that of its request line. */
export function isOverridden({ path, fields }: GuardedRequest): boolean {
  if (path.includes("?") && PARAMETER.test(path)) return true;
  return fields.some((name, index) => index % 2 === 0 && isOverride(name));
}

function isOverride(name: string): boolean {
  // Most names begin otherwise: they cost one comparison.
  return (name.charCodeAt(0) | 0x20) === 0x78 && FIELD.test(name);
}
