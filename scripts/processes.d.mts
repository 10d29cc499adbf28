/** Test files with a process of their own, the slowest first. */
export const ALONE: readonly string[];

/** Divides test files (paths relative to the root) into those of each process, in the order in which the processes start. */
export function toProcesses(files: readonly string[]): readonly (readonly string[])[];
