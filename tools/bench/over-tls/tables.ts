import { loadColumns, type Section, toSections } from "../table.ts";
import { TLS_LOAD_NAMES, type TlsLoadName } from "./loads.ts";
import type { TlsFigures } from "./measure.ts";

const TITLES: Readonly<Record<TlsLoadName, string>> = {
  get: "GET over TLS with HTTP/1.1, 15 bytes, 32 connections",
  head: "HEAD over TLS with HTTP/1.1, 15 bytes, 32 connections",
  getHttp2: "GET over TLS with HTTP/2, 15 bytes, 4 connections with 8 streams each",
  headHttp2: "HEAD over TLS with HTTP/2, 15 bytes, 4 connections with 8 streams each",
  handshake: "GET over a new TLS connection each, HTTP/1.1, 15 bytes, 32 at a time",
};

const SECTIONS = TLS_LOAD_NAMES.map((name): Section<TlsFigures> => [
  TITLES[name],
  loadColumns((figures) => figures[name]),
]);

/** The figures over TLS as Markdown tables. */
export function toTlsTables(all: readonly TlsFigures[]): string {
  return toSections(SECTIONS, all);
}
