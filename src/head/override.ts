/** HEADs that ask the backend to treat them as another method. The response says nothing about how it serves HEAD. */

import type { PassthroughRequest } from "./signatures.ts";

// What frameworks look at: Rails, Laravel, Symfony, Spring, Express' method-override, ASP.NET and OData.
const FIELD = /^x[-_](?:http[-_])?method(?:[-_]?override)?$/i;
const PARAMETER = /[?&](?:_method|x-(?:http-)?method(?:-override)?)=/i;

/** Whether a field or the query of a HEAD names another method. */
export function isOverridden({ path, fields }: PassthroughRequest): boolean {
  if (path.includes("?") && PARAMETER.test(path)) return true;
  return fields.some((name, index) => index % 2 === 0 && isOverride(name));
}

function isOverride(name: string): boolean {
  // Most names do not begin with x: they cost one comparison.
  return (name.charCodeAt(0) | 0x20) === 0x78 && FIELD.test(name);
}
