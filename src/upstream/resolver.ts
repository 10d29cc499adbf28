/** The addresses of an upstream's name. */

import { lookup } from "node:dns";

import { toProxyError } from "../http/errors.ts";

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface Resolver {
  lookup(name: string): Promise<readonly ResolvedAddress[]>;
}

/** Creates the resolver of one process. */
export function createResolver(): Resolver {
  return {
    lookup: (name) =>
      new Promise((resolve, reject) => {
        lookup(name, { all: true, verbatim: true }, (error, addresses) => {
          if (error === null) resolve(addresses as ResolvedAddress[]);
          else reject(toProxyError(error));
        });
      }),
  };
}
