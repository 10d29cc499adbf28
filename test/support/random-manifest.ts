/** Draws manifests with random layouts, as text. */

import {
  type Choose,
  type Fields,
  createChoose,
  drawLayout,
  renderFile,
  shuffle,
} from "./random-yaml.ts";

/** Draws a Deployment, or another kind, with Services that lead to it. */
export function drawManifest(tape: readonly number[]): string {
  const choose = createChoose(tape);
  const layout = drawLayout(choose);
  const objects = [
    drawWorkload(choose),
    ...[drawService(choose, "a"), drawService(choose, "b")].slice(choose(3)),
  ];
  if (choose(2) === 1) objects.reverse();
  const isList = choose(4) === 3;
  const documents = isList ? [{ apiVersion: "v1", kind: "List", items: objects }] : objects;
  return renderFile(documents, layout);
}

function drawWorkload(choose: Choose): Fields {
  const kind = ["Deployment", "StatefulSet", "DaemonSet", "Pod", "CronJob"][choose(5)] ?? "";
  const labels = { app: "app" };
  const pod = shuffle(choose, {
    ...drawList(choose, "initContainers", { name: "before", image: "a" }),
    containers: [
      shuffle(choose, {
        name: "app",
        image: "example.com/app:1",
        ports: [{ containerPort: 8000, name: "http" }],
        ...drawText(choose),
      }),
      ...Array.from({ length: choose(3) }, (_, index) => ({
        name: `c${index}`,
        image: "a",
        ...drawText(choose),
      })),
    ],
    ...drawList(choose, "volumes", { name: "data", emptyDir: {} }),
    ...(choose(3) === 2 ? { hostNetwork: true } : {}),
  });
  const metadata = shuffle(choose, { name: "app", labels, ...drawAnnotations(choose) });
  if (kind === "Pod") return { apiVersion: "v1", kind, metadata, spec: pod };
  const template = { metadata: { labels }, spec: pod };
  if (kind === "CronJob")
    return {
      apiVersion: "batch/v1",
      kind,
      metadata,
      spec: { jobTemplate: { spec: { template } } },
    };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata,
    spec: shuffle(choose, { replicas: 1, template }),
  };
}

function drawService(choose: Choose, name: string): Fields {
  const target = [{ targetPort: 8000 }, { targetPort: "http" }, {}][choose(3)];
  const port = { port: 8000, ...target };
  const ports = [port, { name: "other", port: 81, targetPort: 81 }].slice(0, 1 + choose(2));
  const spec = shuffle(choose, { selector: { app: "app" }, ports });
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, ...drawAnnotations(choose) },
    spec,
  };
}

function drawList(choose: Choose, key: string, item: object): Fields {
  const lists = [undefined, [item], [], null, [item, { ...item, name: "more" }]];
  const list = lists[choose(lists.length)];
  return list === undefined ? {} : { [key]: list };
}

function drawAnnotations(choose: Choose): Fields {
  const all = [{}, { annotations: null }, { annotations: {} }, { annotations: { a: "b\nc" } }];
  return all[choose(all.length)] ?? {};
}

function drawText(choose: Choose): Fields {
  const all = [
    {},
    { args: ["a\nb\n"] },
    { args: ["a\n\n\n", "b"] },
    { workingDir: "a\n# no comment" },
  ];
  return all[choose(all.length)] ?? {};
}
