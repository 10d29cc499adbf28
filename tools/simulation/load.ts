/** Loads a simulation that `bundle.ts` built. Apart from it, so that a worker does not load esbuild. */

import { createRequire } from "node:module";

import type { simulation } from "./inside.ts";

/** The simulation that a bundle exports. */
export type Simulation = typeof simulation;

/** Loads the simulation from the file of its bundle. */
export function requireSimulation(file: string): Simulation {
  const loaded = createRequire(import.meta.url)(file) as { simulation: Simulation };
  return loaded.simulation;
}
