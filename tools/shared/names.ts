/** The names of upstreams: a hosts file of the run's own, and a name server that is slow or says nothing. */

import { setTimeout } from "node:timers/promises";
import { type Reply, startNameServer } from "../../test/support/name-server.ts";

/** Two addresses that listen, one of them not always, and one at which nobody ever does. */
export const PAIR = { name: "pair.chaos.test", addresses: ["127.0.7.2", "127.0.7.3"] } as const;
/** A name for which the server takes its time. */
export const SLOW = { name: "slow.chaos.test", address: "127.0.7.4" } as const;
/** Names for which it never answers. */
export const HUNG: readonly string[] = Array.from(
  { length: 8 },
  (_, index) => `hung-${index}.chaos.test`,
);

export interface Names {
  /** What stands in the files of a mount namespace that has these names. */
  readonly files: Readonly<Record<string, string>>;
  stop(): void;
}

const HOSTS = ["::1", ...PAIR.addresses].map((address) => `${address} ${PAIR.name}\n`).join("");

/** Starts the name server. */
export async function startNames(): Promise<Names> {
  const ends: (() => void | Promise<void>)[] = [];
  const server = await startNameServer({ after: (end) => void ends.push(end) });
  let count = 0;
  const late = (reply: Reply): Promise<Reply> =>
    setTimeout(((count += 1) * 37) % 200, reply, { ref: false });
  server.set(SLOW.name, () => ({ A: late([SLOW.address]), AAAA: late([]) }));
  for (const name of HUNG) server.set(name, "never");
  // The resolver's own patience for the name that hangs: a few seconds, or the run could not end.
  const resolvConf = `nameserver ${server.address}\noptions timeout:4 attempts:1\n`;
  return {
    files: { "/etc/hosts": HOSTS, "/etc/resolv.conf": resolvConf },
    stop: () => {
      for (const end of ends) void end();
    },
  };
}
