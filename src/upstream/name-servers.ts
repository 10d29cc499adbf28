/** Queries to name servers, by Node's c-ares. The door of node:dns. */

import { Resolver as Channel, lookup } from "node:dns/promises";

/** What name servers say about one name. */
export type QueryResult =
  | { readonly outcome: "found"; readonly addresses: readonly string[] }
  | QueryFailure;

/** Why no address was found. */
export interface QueryFailure {
  /** `absent`: there is no such name, or it has no address. `failed`: an error came back. `silent`: nothing came in time. */
  readonly outcome: "absent" | "failed" | "silent";
  readonly error: NodeJS.ErrnoException;
}

// The timeout of glibc for one server.
const QUERY_MS = 5_000;

// UDP loses packets, so a query is repeated well before the default `connectTimeout` of 2 s.
const RESEND_MS = 1_000;

// RFC 8305 §3: how long the addresses of one family wait for those of the other family.
const RESOLUTION_DELAY_MS = 50;

const OUTCOMES: Readonly<Record<string, QueryFailure["outcome"]>> = {
  ENOTFOUND: "absent",
  ENODATA: "absent",
  EBADNAME: "absent", // some names of a hosts file or of multicast DNS are invalid in a query
  ETIMEOUT: "silent",
  ECANCELLED: "silent",
};

/**
 * Queries for the A and AAAA records of a complete name at the same time. Never rejects. When the first family has addresses, the
 * other one has 50 ms left. The result is `silent` after 5 s, or when `signal` aborts.
 */
export async function queryAddresses(name: string, signal: AbortSignal): Promise<QueryResult> {
  const attempts = createAttempts();
  let timer = setTimeout(attempts.cancel, QUERY_MS);
  const onFamily = (result: QueryResult): QueryResult => {
    if (result.outcome === "found") {
      clearTimeout(timer);
      timer = setTimeout(attempts.cancel, RESOLUTION_DELAY_MS);
    }
    return result;
  };
  signal.addEventListener("abort", attempts.cancel);
  const [ipv4, ipv6] = await Promise.all([
    firstResult(async (number) => attempts.channel(number).resolve4(name)).then(onFamily),
    firstResult(async (number) => attempts.channel(number).resolve6(name)).then(onFamily),
  ]);
  clearTimeout(timer);
  signal.removeEventListener("abort", attempts.cancel);
  attempts.cancel();
  return combine(ipv4, ipv6);
}

/** The worse of two failures: as long as a silent server may know a name, headgate cannot say that it does not exist. */
export function worseOf(one: QueryFailure, other: QueryFailure): QueryFailure {
  const order: readonly QueryFailure["outcome"][] = ["absent", "failed", "silent"];
  return order.indexOf(other.outcome) > order.indexOf(one.outcome) ? other : one;
}

/** Returns what getaddrinfo(3) finds, in its order. Rejects with its error. Nothing can cancel it. */
export async function getaddrinfo(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
}

interface Attempts {
  /** The channel of one attempt. Attempt n queries server n first. */
  channel(number: number): Channel;
  /** Ends all queries. A channel without a query in flight keeps no socket and no timer. */
  cancel(): void;
}

// A channel belongs to one lookup: it can be cancelled alone, sends from a new port (RFC 5452 §9.2), and reads resolv.conf
// anew. It costs 60 µs per connection.
function createAttempts(): Attempts {
  const channels: Channel[] = [];
  return {
    channel(number) {
      const existing = channels[number];
      if (existing !== undefined) return existing;
      // c-ares must not resend by itself: it would then ignore a response to the first query, and a server that always needs longer
      // than the timeout would never be heard. Each attempt is one query instead, whose socket stays open for the whole time.
      const channel = new Channel({ timeout: QUERY_MS, tries: 1 });
      const servers = channel.getServers();
      const first = number % servers.length;
      if (first > 0) channel.setServers([...servers.slice(first), ...servers.slice(0, first)]);
      return (channels[number] = channel);
    },
    cancel() {
      for (const channel of channels) channel.cancel();
    },
  };
}

/** Resolves with the first result of any attempt. A new attempt begins each second; earlier ones continue. */
function firstResult(
  attempt: (number: number) => Promise<readonly string[]>,
): Promise<QueryResult> {
  return new Promise((resolve) => {
    let number = 0;
    const end = (result: QueryResult): void => {
      clearInterval(timer);
      resolve(result);
    };
    const begin = (): void => {
      attempt(number).then(
        (addresses) => end(toResult(addresses)),
        (error: NodeJS.ErrnoException) =>
          end({ outcome: OUTCOMES[error.code ?? ""] ?? "failed", error }),
      );
      number += 1;
    };
    const timer = setInterval(begin, RESEND_MS);
    begin();
  });
}

// If an alias leads to a name without addresses, c-ares reports success with an empty list.
function toResult(addresses: readonly string[]): QueryResult {
  if (addresses.length > 0) return { outcome: "found", addresses };
  return { outcome: "absent", error: new Error("the name has no address") };
}

function combine(one: QueryResult, other: QueryResult): QueryResult {
  if (one.outcome !== "found") return other.outcome === "found" ? other : worseOf(one, other);
  if (other.outcome !== "found") return one;
  return { outcome: "found", addresses: [...one.addresses, ...other.addresses] };
}
