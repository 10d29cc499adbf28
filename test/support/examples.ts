/** Renders the examples for operators who already have a chart, as such an operator would. */

import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { type Manifest, chart, readManifests, render, root } from "./manifests.ts";

const folder = join(root, "examples", "kubernetes");
const charts = join(root, "test", "deploy", "charts");

/** How each example is rendered, by name. */
export const EXAMPLES: Readonly<Record<string, (t: TestContext) => readonly Manifest[]>> = {
  "plain, before": () => readManifests(readFileSync(join(folder, "plain", "before.yaml"), "utf8")),
  "plain, after": () => readManifests(readFileSync(join(folder, "plain", "after.yaml"), "utf8")),
  "init containers, before": () => values("lists", "init-containers-values", "before.yaml"),
  "init containers, after": () => values("lists", "init-containers-values", "after.yaml"),
  "extra containers, after": () => values("lists", "init-containers-values", "after-ordinary.yaml"),
  "bjw-s, before": () => values("maps", "bjw-s-values", "before.yaml"),
  "bjw-s, after": () => values("maps", "bjw-s-values", "after.yaml"),
  "subchart, after": subchart,
};

/** Renders an example. */
export function renderExample(t: TestContext, name: string): readonly Manifest[] {
  const example = EXAMPLES[name];
  if (example === undefined) throw new Error(`no example is named ${name}`);
  return example(t);
}

function values(name: string, example: string, file: string): readonly Manifest[] {
  return render(join(charts, name), "-f", join(folder, example, file));
}

// `helm dependency build` would fetch the released chart; the local chart replaces it.
function subchart(t: TestContext): readonly Manifest[] {
  const copy = mkdtempSync(join(tmpdir(), "headgate-subchart-"));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(join(folder, "subchart"), copy, { recursive: true });
  cpSync(chart, join(copy, "charts", "headgate"), { recursive: true });
  return render(copy);
}
