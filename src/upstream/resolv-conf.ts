/** The search list of resolv.conf(5), as pure text. The name servers in it are read by c-ares. */

/** How resolv.conf completes names. */
export interface SearchList {
  /** Domains to append, in order; an empty one is the root. */
  readonly domains: readonly string[];
  /** A name with at least this many dots is first tried unchanged. */
  readonly ndots: number;
}

/** One name to query for. */
export interface Candidate {
  /** A complete name, without the last dot. */
  readonly name: string;
  /** Whether a domain of the search list was appended to it. */
  readonly isSearched: boolean;
}

// glibc's RES_MAXNDOTS.
const MAX_NDOTS = 15;

/** Parses `search`, `domain` (the last line of either counts) and `options ndots:N`. Ignores everything else, as glibc does. */
export function parseSearchList(text: string): SearchList {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trimEnd().split(/[ \t]+/);
    if (keyword === "search") domains = values.map(withoutLastDot);
    else if (keyword === "domain") domains = values.slice(0, 1).map(withoutLastDot);
    else if (keyword === "options") ndots = values.map(toNdots).findLast(isDefined) ?? ndots;
  }
  return { domains, ndots };
}

/**
 * Returns the names to query for, in order (resolv.conf(5), `ndots` and `search`). A name that ends with a dot is complete. A name
 * with enough dots is tried as it is before the search list, any other name after it.
 */
export function toCandidates(name: string, { domains, ndots }: SearchList): readonly Candidate[] {
  const asItIs = { name: withoutLastDot(name), isSearched: false };
  if (name.endsWith(".")) return [asItIs];
  const searched = domains
    .filter((domain) => domain !== "")
    .map((domain) => ({ name: `${name}.${domain}`, isSearched: true }));
  const dots = name.split(".").length - 1;
  return dots >= ndots ? [asItIs, ...searched] : [...searched, asItIs];
}

function withoutLastDot(name: string): string {
  return name.replace(/\.$/, "");
}

function toNdots(option: string): number | undefined {
  const [, digits] = /^ndots:(\d+)$/.exec(option) ?? [];
  return digits === undefined ? undefined : Math.min(Number(digits), MAX_NDOTS);
}

function isDefined(value: number | undefined): value is number {
  return value !== undefined;
}
