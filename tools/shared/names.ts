/** The names of upstreams: a hosts file for the run, and a name server that is slow or does not respond. */

import { setTimeout } from "node:timers/promises";
import { type Reply, startNameServer } from "../../test/support/name-server.ts";

/** Two addresses with an upstream, one of which is down at times. The hosts file adds a third one, `::1`, without a listener. */
export const PAIR = { name: "pair.chaos.test", addresses: ["127.0.7.2", "127.0.7.3"] } as const;
/** The name server responds to queries for this name with a delay. */
export const SLOW = { name: "slow.chaos.test", address: "127.0.7.4" } as const;
/** The name server never responds to queries for these names. */
export const HUNG: readonly string[] = Array.from(
  { length: 8 },
  (_, index) => `hung-${index}.chaos.test`,
);

/** The names of one run. */
export interface Names {
  /** The files of a mount namespace that has these names. */
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
  // The resolver gives up on a name without response after a few seconds, because the run could not end otherwise.
  const resolvConf = `nameserver ${server.address}\noptions timeout:4 attempts:1\n`;
  return {
    files: { "/etc/hosts": HOSTS, "/etc/resolv.conf": resolvConf },
    stop: () => {
      for (const end of ends) void end();
    },
  };
}
