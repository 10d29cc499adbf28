/** The addresses of an upstream's name: from the hosts file, from name servers, or from what else the system knows. */

import { isIP } from "node:net";

import { ProxyError, toProxyError } from "../http/errors.ts";
import { shuttingDown } from "../http/refusal.ts";
import { findInHosts } from "./hosts-file.ts";
import {
  type QueryFailure,
  type QueryResult,
  getaddrinfo,
  queryAddresses,
  worseOf,
} from "./name-servers.ts";
import { type Candidate, parseSearchList, toCandidates } from "./resolv-conf.ts";
import { createSystemLookup } from "./system-lookup.ts";

/** Finds the addresses of names. */
export interface Resolver {
  /**
   * Looks a name up: all its addresses, in the order to try them. One lookup per name is in flight; callers that ask meanwhile
   * share it, and nothing is kept after it. Rejects with a ProxyError: `dns_error` (no such name, or an error came back, with the
   * cause) or `dns_timeout` (no server answered). Takes at most 5 s for each name of the search list, and 15 s in all.
   */
  lookup(name: string): Promise<readonly string[]>;
}

/** A resolver that does not keep the process alive. */
export interface ProcessResolver extends Resolver {
  /** Rejects all lookups that are in flight or still to come. The process can end then. */
  close(): void;
}

interface Flight {
  readonly addresses: Promise<readonly string[]>;
  end(error: ProxyError): void;
}

const LOOKUP_MS = 15_000;
const HOSTS_FILE = "/etc/hosts";
const RESOLV_CONF = "/etc/resolv.conf";

/**
 * Creates the resolver of one process. `readSystemFile` returns a file's text, or an empty text where it cannot be used; an
 * error that it throws rejects the lookup. The files are read at each lookup, which costs no more than to see whether they changed.
 *
 * getaddrinfo alone would find the same, but on libuv's threads: nothing cancels it there, two hung names hold up all others,
 * and the process cannot exit before it returns. c-ares needs no thread; the hosts file and the search list are read here.
 */
export function createResolver(readSystemFile: (path: string) => string): ProcessResolver {
  const inFlight = new Map<string, Flight>();
  const askSystem = createSystemLookup(getaddrinfo);
  let isClosed = false;

  function find(name: string): Promise<readonly string[]> | readonly string[] {
    if (isClosed) throw shuttingDown();
    if (isIP(name) !== 0) return toAddresses([name]);
    const flight = inFlight.get(name);
    if (flight !== undefined) return flight.addresses;
    const local = findInHosts(readSystemFile(HOSTS_FILE), name);
    if (local.length > 0) return toAddresses(local);
    // RFC 6761 §6.3: always the loopback addresses, and never a query, which might hang.
    if (/^localhost\.?$/i.test(name)) return toAddresses(["::1", "127.0.0.1"]);
    const begun = begin(name, toCandidates(name, parseSearchList(readSystemFile(RESOLV_CONF))));
    inFlight.set(name, begun);
    return begun.addresses;
  }

  function begin(name: string, candidates: readonly Candidate[]): Flight {
    const controller = new AbortController();
    const { signal } = controller;
    const end = (error: ProxyError): void => controller.abort(error);
    const timer = setTimeout(() => end(toTimeout(`no result for ${name} in time`)), LOOKUP_MS);
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(toProxyError(signal.reason)));
    });
    const found = search(candidates, signal, () => askSystem(name, signal));
    const addresses = Promise.race([found, ended]).finally(() => {
      clearTimeout(timer);
      inFlight.delete(name);
    });
    return { addresses, end };
  }

  return {
    async lookup(name) {
      try {
        return await find(name);
      } catch (error) {
        throw toProxyError(error);
      }
    },
    close() {
      isClosed = true;
      for (const { end } of inFlight.values()) end(shuttingDown());
    },
  };
}

async function search(
  candidates: readonly Candidate[],
  signal: AbortSignal,
  askSystem: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const result = await queryInOrder(candidates, signal);
  if (result.outcome === "found") return toAddresses(result.addresses);
  // Where name servers are silent, getaddrinfo hangs as well, and nothing can cancel it.
  if (result.outcome === "silent")
    throw toTimeout(`no name server answered: ${result.error.message}`);
  try {
    // Multicast DNS, plug-ins of nsswitch.conf, a resolver of the platform's own, names that c-ares does not query for.
    return await askSystem();
  } catch (error) {
    const cause = result.outcome === "failed" ? result.error : error;
    throw new ProxyError("dns_error", { cause });
  }
}

/** Queries for one candidate after the other as glibc does, until one has addresses; otherwise the worst of the failures. */
async function queryInOrder(
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<QueryResult> {
  let worst: QueryFailure | undefined;
  let isListOver = false;
  for (const { name, isSearched } of candidates) {
    if (isSearched && isListOver) continue;
    signal.throwIfAborted();
    const result = await queryAddresses(name, signal);
    if (result.outcome === "found") return result;
    worst = worst === undefined ? result : worseOf(worst, result);
    // The next domain of the list may have another host of that name: it is for names that the domain before it does not have.
    // glibc reads SERVFAIL as such a case, for servers that do not know a domain.
    const isAbsent = result.outcome === "absent" || result.error.code === "ESERVFAIL";
    isListOver ||= isSearched && !isAbsent;
  }
  return worst ?? { outcome: "absent", error: new Error("no name to query for") };
}

/** RFC 8305 §4: families take turns, beginning with IPv6; within a family, the order stays. */
function toAddresses(addresses: readonly string[]): readonly string[] {
  const ipv6 = addresses.filter((address) => isIP(address) === 6);
  const ipv4 = addresses.filter((address) => isIP(address) === 4);
  const length = Math.max(ipv6.length, ipv4.length);
  return Array.from({ length }, (_, index) => [
    ...ipv6.slice(index, index + 1),
    ...ipv4.slice(index, index + 1),
  ]).flat();
}

function toTimeout(message: string): ProxyError {
  return new ProxyError("dns_timeout", { cause: new Error(message) });
}
