/** Replaces `node:dns/promises` in the bundled sources: name servers respond when the schedule orders it. */

import { loop } from "./loop.ts";

/** The only name, and its response: after how long, and with which addresses. Infinity: never. */
export const names: { name: string; afterMs: number; addresses: readonly string[] } = {
  name: "app",
  afterMs: 0,
  addresses: [],
};

type Fail = (error: Error) => void;

/** Replaces Node's resolver of c-ares. */
export class Resolver {
  private readonly pending = new Set<Fail>();

  getServers(): string[] {
    return ["192.0.2.53"];
  }

  setServers(): void {}

  cancel(): void {
    for (const fail of this.pending) fail(toError("ECANCELLED"));
    this.pending.clear();
  }

  resolve4(): Promise<readonly string[]> {
    return this.query((resolve) => resolve(names.addresses));
  }

  resolve6(): Promise<readonly string[]> {
    return this.query((_, reject) => reject(toError("ENODATA")));
  }

  private query(
    answer: (resolve: (addresses: readonly string[]) => void, reject: Fail) => void,
  ): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.pending.add(reject);
      if (names.afterMs === Infinity) return;
      loop.at(names.afterMs, () =>
        loop.post({
          poll: () => {
            this.pending.delete(reject);
            answer(resolve, reject);
          },
        }),
      );
    });
  }
}

/** Replaces Node's `lookup`, which uses the system's resolver. */
export function lookup(): Promise<never> {
  return Promise.reject(toError("ENOTFOUND"));
}

function toError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
