/** HEADs with a method override: the backend treats them as another method, so their responses show nothing about HEAD. */

import type { PassthroughRequest } from "./signatures.ts";

// The fields and parameters of Rails, Laravel, Symfony, Spring, Express' method-override, ASP.NET and OData.
const FIELD = /^x[-_](?:http[-_])?method(?:[-_]?override)?$/i;
const PARAMETER = /[?&](?:_method|x-(?:http-)?method(?:-override)?)=/i;

/** Whether a field or the query of a HEAD names another method. */
export function isOverridden({ path, endToEnd }: PassthroughRequest): boolean {
  if (path.includes("?") && PARAMETER.test(path)) return true;
  return endToEnd.some((name, index) => index % 2 === 0 && isOverride(name));
}

function isOverride(name: string): boolean {
  // Most names do not begin with x, so one comparison excludes them.
  return (name.charCodeAt(0) | 0x20) === 0x78 && FIELD.test(name);
}
