/** The process: argv and env in, signals, exit code out. The only file that touches `process`. */

/** Written in by the build; absent when the sources run as they are. */
declare const HEADGATE_VERSION: string | undefined;

const version = typeof HEADGATE_VERSION === "string" ? HEADGATE_VERSION : "dev";
process.stdout.write(`headgate ${version} ${process.argv.slice(2).join(" ")}\n`);
