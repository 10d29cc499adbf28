/** Calls inject as a function of text. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { injectInto, removeFrom } from "../../src/cli/inject/inject.ts";
import type { InjectOptions, Outcome } from "../../src/cli/inject/options.ts";
import { readSettings } from "../../src/cli/inject/settings.ts";
import { ConfigError } from "../../src/config/diagnostic.ts";
import { type Manifest, podOf, readManifests } from "./manifests.ts";

const packageText = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** This headgate's version, which the chart and the image have too. */
export const { version: VERSION } = JSON.parse(packageText) as { version: string };

/** Options without a route file. */
export const OPTIONS: InjectOptions = {
  port: undefined,
  upstreamPort: undefined,
  image: `ghcr.io/headgate/headgate:${VERSION}`,
  isNative: true,
  settings: readSettings([]),
  only: new Set(),
  compose: undefined,
  routeFile: undefined,
  cwd: "/srv/app",
};

/** Options with a route file, and so with a volume and a ConfigMap. */
export const WITH_FILE: InjectOptions = {
  ...OPTIONS,
  routeFile: {
    path: "/srv/app/headgate/routes.yaml",
    text: "# Mine.\nroutes:\n  - { path: /files/*, head: pass }\n",
    upstream: undefined,
  },
};

/** Adds headgate to a text. */
export function injected(text: string, options: InjectOptions = OPTIONS): string {
  return textOf(injectInto([{ name: "f.yaml", text }], options));
}

/** Removes headgate from a text. */
export function removed(text: string): string {
  return textOf(removeFrom([{ name: "f.yaml", text }]));
}

function textOf({ files }: Outcome): string {
  assert.equal(files.length, 1);
  return files[0]?.text ?? "";
}

/** The message of the Refusal for a text. */
export function refusal(text: string, options: InjectOptions = OPTIONS): string {
  try {
    injected(text, options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail("it is injected");
}

/** The objects of a text, also those in Lists, without nulls, which Kubernetes ignores. */
export function objectsOf(text: string): readonly Manifest[] {
  const objects = readManifests(text, { merge: true }).flatMap((manifest) =>
    manifest.kind === "List" ? (manifest["items"] as Manifest[]) : [manifest],
  );
  const withoutNulls = (_key: string, value: unknown) => (value === null ? undefined : value);
  return JSON.parse(JSON.stringify(objects, withoutNulls)) as Manifest[];
}

function isNotHeadgate(one: Loose): boolean {
  return one["name"] !== "headgate";
}

interface Loose {
  // oxlint-disable-next-line typescript/no-explicit-any -- what is read is compared, and a wrong guess fails the comparison
  [key: string]: any;
}

/** The objects without headgate's container, volume, ConfigMaps and annotation, and without the Services' target ports. */
export function withoutHeadgate(objects: readonly Manifest[]): unknown {
  const others = objects.filter(({ metadata }) => !String(metadata["name"]).endsWith("-headgate"));
  for (const object of others as readonly Loose[]) {
    const isCronJob = object["kind"] === "CronJob";
    const pod: Loose | undefined = podOf(
      (isCronJob ? object["spec"].jobTemplate : object) as Manifest,
    );
    for (const list of ["containers", "initContainers", "volumes"])
      if (pod !== undefined) pod[list] = (pod[list] ?? []).filter(isNotHeadgate);
    const annotations = (object["metadata"].annotations ??= {});
    delete annotations["headgate.dev/injected"];
    if (object["kind"] === "Service")
      for (const port of object["spec"].ports) delete port.targetPort;
  }
  return others;
}
