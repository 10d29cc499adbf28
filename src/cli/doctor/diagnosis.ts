/** What a diagnosis found. */

import type { Examined } from "./examine.ts";
import type { NotTried } from "./parameters.ts";

/** The result of a diagnosis. */
export interface Diagnosis {
  /** How the operator calls headgate. */
  readonly program: string;
  readonly url: string;
  readonly throughUrl: string | undefined;
  /** Request-targets from the arguments. */
  readonly named: readonly string[];
  /** The flags with which another diagnosis finds the same, without credentials. */
  readonly flags: readonly string[];
  /** The source of the endpoints, in one line. */
  readonly source: string;
  readonly examined: readonly Examined[];
  readonly notTried: readonly NotTried[];
}
