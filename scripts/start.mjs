// `npm start`: makes the checkout ready, then becomes headgate. The bundle runs in this very process, so that a signal
// reaches it without a go-between. For the same reason package.json says `exec node`: npm runs a script through `sh -c`, and
// dash would stay between, die of the SIGTERM that npm passes on, and leave headgate running.
//
//   npm start                                 the demo
//   npm start -- --upstream URL --listen A    headgate run with these flags
//   npm start -- explain …                    any other command

import { createRequire } from "node:module";
import { bundleFile } from "./build.mjs";
import { readyToRun } from "./ready.mjs";

await readyToRun();
process.argv = [process.execPath, bundleFile, ...toCommand(process.argv.slice(2))];
// Not `import`: that would scan the whole bundle for export names first.
createRequire(import.meta.url)(bundleFile);

function toCommand(args) {
  const [first] = args;
  if (first === undefined) return [hasSettings() ? "run" : "demo"];
  const namesNoCommand = first.startsWith("-") && !["-h", "--help", "--version"].includes(first);
  return namesNoCommand ? ["run", ...args] : args;
}

// Someone who sets HEADGATE_UPSTREAM wants that backend, not the demo.
function hasSettings() {
  return Object.keys(process.env).some((name) => name.startsWith("HEADGATE_"));
}
