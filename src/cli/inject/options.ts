/** The options and the outcome of inject. */

import type { UpstreamUrl } from "../../config/address.ts";
import type { Settings } from "./settings.ts";
import type { InputFile } from "./source.ts";

/** The options of inject. */
export interface InjectOptions {
  /** Undefined: 8080, or the next port that the pod does not use. */
  readonly port: number | undefined;
  /** Undefined: the manifests determine it. */
  readonly upstreamPort: number | undefined;
  readonly image: string;
  readonly isNative: boolean;
  readonly settings: Settings;
  /** Names of workloads; empty: all. */
  readonly only: ReadonlySet<string>;
  /** The Compose service to stand in front of. */
  readonly compose: string | undefined;
  readonly routeFile: RouteFile | undefined;
  /** The folder that file names are relative to. */
  readonly cwd: string;
}

/** The route file for the ConfigMap, or for Compose's volume. */
export interface RouteFile {
  /** An absolute path. */
  readonly path: string;
  readonly text: string;
  /** The upstream that the file names. */
  readonly upstream: UpstreamUrl | undefined;
}

/** The changed files, with messages. */
export interface Outcome {
  readonly files: readonly InputFile[];
  /** A line for each object that was changed. */
  readonly done: readonly string[];
  /** The objects that were left out, with the reasons. */
  readonly skipped: readonly string[];
  /** What inject cannot see or do, for the operator. */
  readonly next: readonly string[];
  /** Whether there is a container or service named headgate that inject did not write. */
  readonly isThereAlready: boolean;
}
