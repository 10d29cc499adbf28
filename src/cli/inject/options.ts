/** What inject is asked for, and what comes of it. */

import type { Settings } from "./settings.ts";
import type { InputFile } from "./source.ts";

/** What inject was called with. */
export interface InjectOptions {
  /** Undefined: 8080, or the next one that the pod does not use. */
  readonly port: number | undefined;
  /** Undefined: what the manifests show. */
  readonly upstreamPort: number | undefined;
  readonly image: string;
  readonly isNative: boolean;
  readonly settings: Settings;
  /** Names of workloads; empty: all. */
  readonly only: ReadonlySet<string>;
  /** The Compose service to stand before. */
  readonly compose: string | undefined;
  readonly routeFile: RouteFile | undefined;
  /** Where names of files begin. */
  readonly cwd: string;
}

/** The route file for the ConfigMap, or for Compose's volume. */
export interface RouteFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** Whether it says where the app is. */
  readonly hasUpstream: boolean;
}

/** What becomes of the files. */
export interface Outcome {
  readonly files: readonly InputFile[];
  /** What was done, a line for each object. */
  readonly done: readonly string[];
  /** What was left out, and why. */
  readonly skipped: readonly string[];
  /** What inject cannot see or do. */
  readonly next: readonly string[];
  /** Whether a container or service named headgate is there that inject did not write. */
  readonly isThereAlready: boolean;
}
