/** Test files that start first, the slowest at the top; each list has a process of its own. */
export const FIRST: readonly (readonly string[])[];

/** Divides test files (paths relative to the root) into those of each process, in the order in which the processes start. */
export function toProcesses(files: readonly string[]): readonly (readonly string[])[];
