// Measures how long the router takes per match, with few and with many routes: the time must not grow with their number.
import { createRouter } from "../../src/http/routing/router.ts";
import type { RouteConfig } from "../../src/config/types.ts";
import { median } from "./median.ts";

const COUNTS = [10, 10_000];
const ROUNDS = 7;
const MATCHES = 200_000;

/** A Markdown table with nanoseconds per match: the medians of rounds that alternate between the variants. */
export function routerTable(): string {
  const routers = COUNTS.map((count) => ({ count, ...toCase(count), nanoseconds: [] as number[] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const one of routers) one.nanoseconds.push(time(one));
  }
  const [few = 1] = routers.map(({ nanoseconds }) => median(nanoseconds));
  const rows = routers.map(({ count, nanoseconds }) => {
    const ns = median(nanoseconds);
    return `| ${count.toLocaleString("en")} | ${ns.toFixed(0)} | ${(ns / few).toFixed(2)}× |`;
  });
  return [
    "### Router: exact, `{param}`, prefix and no match, in turn",
    "",
    "| routes | ns/match | ratio |",
    "| ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}

function toCase(count: number) {
  const kinds = ["/exact", "/users/{id}/avatar", "/files/*"];
  const routes = Array.from({ length: count }, (_, index) =>
    toRoute(`/${index}${kinds[index % kinds.length] ?? ""}`),
  );
  const last = count - (count % 3) - 3;
  const targets = [
    `/${last}/exact?a=b`,
    `/${last + 1}/users/42/avatar`,
    `/${last + 2}/files/a/b`,
    "/none/of/them",
  ];
  return { router: createRouter(routes, toRoute("/*")), targets };
}

function toRoute(path: string): RouteConfig {
  return {
    name: path,
    host: undefined,
    path,
    head: undefined as unknown as RouteConfig["head"], // no part of a match
    upstream: "default",
    responseTimeout: 0,
    idleTimeout: 0,
    strict: false,
  };
}

function time({ router, targets }: ReturnType<typeof toCase>): number {
  const from = process.hrtime.bigint();
  for (let index = 0; index < MATCHES; index += 1) router.match("a", targets[index % 4] ?? "");
  return Number(process.hrtime.bigint() - from) / MATCHES;
}
