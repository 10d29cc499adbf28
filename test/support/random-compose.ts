/** Draws Compose files with random layouts, as text. Their app is the service web, which listens on port 8000. */

import {
  Alias,
  Anchored,
  type Choose,
  type Fields,
  createChoose,
  drawLayout,
  renderFile,
  shuffle,
} from "./random-yaml.ts";

/** Draws a Compose file. */
export function drawCompose(tape: readonly number[]): string {
  const choose = createChoose(tape);
  const layout = drawLayout(choose);
  const services = shuffle(choose, {
    web: drawApp(choose),
    ...pick(choose, [{}, { db: drawDatabase(choose) }]),
    ...pick(choose, [{}, { worker: drawWorker(choose) }]),
  });
  const rest = shuffle(choose, {
    services,
    ...pick<Fields>(choose, [{}, { name: "stack" }, { version: "3.8" }]),
    ...pick(choose, [{}, { networks: { front: null, back: { internal: true } } }]),
    ...pick<Fields>(choose, [{}, { volumes: { data: null } }, { "x-note": "a\nb\n" }]),
  });
  // An anchor stands before its aliases.
  const anchors = { "x-base": new Anchored("base", { restart: "always", init: true }) };
  return renderFile([{ ...anchors, ...rest }], layout);
}

function drawApp(choose: Choose): Fields {
  const http = pick(choose, [
    "8000:8000",
    "127.0.0.1:8000:8000",
    "${PORT:-8000}:8000",
    "8000",
    8000,
    "80:8000/tcp",
    "[::1]:8000:8000",
    { target: 8000, published: "80", host_ip: "127.0.0.1", protocol: "tcp", mode: "host" },
    { published: 8000, target: 8000 },
  ]);
  const other = pick(choose, [
    [],
    ["9229:9229"],
    ["53:53/udp", 9229],
    ["8000:8000/udp"],
    [{ target: 9229, published: 9229 }],
  ]);
  const ports = choose(2) === 0 ? [http, ...other] : [...other, http];
  return shuffle(choose, {
    ...pick(choose, [{ image: "app:1" }, { build: { context: ".", args: ["A=b"] } }]),
    ports,
    ...pick<Fields>(choose, [
      {},
      { networks: ["front", "back"] },
      { networks: { front: { aliases: ["app"] }, back: null } },
    ]),
    ...pick<Fields>(choose, [
      {},
      { depends_on: ["db"] },
      { depends_on: { db: { condition: "service_healthy", restart: true } } },
    ]),
    ...pick<Fields>(choose, [
      {},
      { healthcheck: { test: ["CMD", "true"], interval: "5s" } },
      { healthcheck: { disable: true } },
    ]),
    ...pick<Fields>(choose, [
      {},
      { environment: ["A=b", "C"] },
      { environment: { A: "b", C: null } },
      { command: "run\n# no comment" },
    ]),
    ...pick<Fields>(choose, [{}, { profiles: ["dev"] }, { labels: { "a.b": "c" } }]),
    ...drawMerge(choose),
  });
}

function drawDatabase(choose: Choose): Fields {
  return shuffle(choose, {
    image: "postgres",
    ...pick<Fields>(choose, [{}, { ports: ["5432:5432"] }]),
    ...pick<Fields>(choose, [{}, { healthcheck: { test: "pg_isready" } }]),
  });
}

function drawWorker(choose: Choose): Fields {
  const dependency = pick<unknown>(choose, [["web"], { web: { condition: "service_started" } }]);
  return shuffle(choose, { image: "app:1", depends_on: dependency, ...drawMerge(choose) });
}

function drawMerge(choose: Choose): Fields {
  return pick<Fields>(choose, [{}, { "<<": new Alias("base") }]);
}

function pick<Item>(choose: Choose, items: readonly [Item, ...Item[]]): Item {
  return items[choose(items.length)] ?? items[0];
}
