/** The addresses of an upstream's name: from the hosts file, name servers, or the system's own lookup. */

import { ProxyError, toProxyError } from "../http/errors.ts";
import { ipVersion } from "../http/ip-version.ts";
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
   * Looks a name up: all its addresses, in the order to try them. One lookup per name is in flight: callers that need the
   * name meanwhile share it, and nothing is cached. Rejects with a ProxyError: `dns_error` (no such name, or a server reported an error,
   * with the cause) or `dns_timeout` (no server responded). Takes at most 5 s for each name of the search list, and 15 s in all.
   */
  lookup(name: string): Promise<readonly string[]>;
}

/** A resolver that does not keep the process alive. */
export interface ProcessResolver extends Resolver {
  /** Rejects all lookups, in flight and later ones, so that the process can end. */
  close(): void;
}

interface LookupInFlight {
  readonly addresses: Promise<readonly string[]>;
  end(error: ProxyError): void;
}

const LOOKUP_MS = 15_000;
const HOSTS_FILE = "/etc/hosts";
const RESOLV_CONF = "/etc/resolv.conf";

/**
 * Creates the resolver of one process. `readSystemFile` returns a file's text, or an empty text if the file cannot be
 * used; if it throws, the lookup rejects. Each lookup reads the files, which costs no more than checking whether they changed.
 *
 * getaddrinfo alone would find the same, but it runs on libuv's threads: nothing can cancel it, two hung names block all others, and
 * the process cannot exit before it returns. c-ares needs no thread; the hosts file and the search list are read here.
 */
export function createResolver(readSystemFile: (path: string) => string): ProcessResolver {
  const inFlight = new Map<string, LookupInFlight>();
  const lookUpBySystem = createSystemLookup(getaddrinfo);
  let isClosed = false;

  function find(name: string): Promise<readonly string[]> | readonly string[] {
    if (isClosed) throw new ProxyError("shutting_down");
    if (ipVersion(name) !== 0) return toAddresses([name]);
    const running = inFlight.get(name);
    if (running !== undefined) return running.addresses;
    const local = findInHosts(readSystemFile(HOSTS_FILE), name);
    if (local.length > 0) return toAddresses(local);
    // RFC 6761 §6.3: always the loopback addresses, and never a query, which might hang.
    if (/^localhost\.?$/i.test(name)) return toAddresses(["::1", "127.0.0.1"]);
    const started = begin(name, toCandidates(name, parseSearchList(readSystemFile(RESOLV_CONF))));
    inFlight.set(name, started);
    return started.addresses;
  }

  function begin(name: string, candidates: readonly Candidate[]): LookupInFlight {
    const controller = new AbortController();
    const { signal } = controller;
    const end = (error: ProxyError): void => controller.abort(error);
    const timer = setTimeout(() => end(toTimeout(`no result for ${name} in time`)), LOOKUP_MS);
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(toProxyError(signal.reason)));
    });
    const found = search(candidates, signal, () => lookUpBySystem(name, signal));
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
      for (const { end } of inFlight.values()) end(new ProxyError("shutting_down"));
    },
  };
}

async function search(
  candidates: readonly Candidate[],
  signal: AbortSignal,
  lookUpBySystem: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const result = await queryInOrder(candidates, signal);
  if (result.outcome === "found") return toAddresses(result.addresses);
  // If name servers are silent, getaddrinfo would hang as well, and nothing could cancel it.
  if (result.outcome === "silent")
    throw toTimeout(`no name server answered: ${result.error.message}`);
  try {
    // getaddrinfo also uses multicast DNS, plug-ins of nsswitch.conf and the platform's resolver, and accepts names that c-ares refuses.
    return await lookUpBySystem();
  } catch (error) {
    const cause = result.outcome === "failed" ? result.error : error;
    throw new ProxyError("dns_error", { cause });
  }
}

/** Queries for the candidates in order, as glibc does, until one has addresses. Otherwise returns the worst failure. */
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
    // A host of the same name may exist in the next domain, so the next domain is tried only if this one certainly lacks the name.
    // glibc treats SERVFAIL like that too, for servers that do not know a domain.
    const isAbsent = result.outcome === "absent" || result.error.code === "ESERVFAIL";
    isListOver ||= isSearched && !isAbsent;
  }
  return worst ?? { outcome: "absent", error: new Error("no name to query for") };
}

/** RFC 8305 §4: families take turns, beginning with IPv6; within a family, the order stays. */
function toAddresses(addresses: readonly string[]): readonly string[] {
  const ipv6 = addresses.filter((address) => ipVersion(address) === 6);
  const ipv4 = addresses.filter((address) => ipVersion(address) === 4);
  const length = Math.max(ipv6.length, ipv4.length);
  return Array.from({ length }, (_, index) => [
    ...ipv6.slice(index, index + 1),
    ...ipv4.slice(index, index + 1),
  ]).flat();
}

function toTimeout(message: string): ProxyError {
  return new ProxyError("dns_timeout", { cause: new Error(message) });
}
