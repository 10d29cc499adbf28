/** Compiles these files (relative to the root) into a folder that the end of this process removes; returns what node can run in their place. */
export function compileFiles(files: readonly string[]): Promise<string[]>;
