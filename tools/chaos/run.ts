// npm run chaos: all faults around headgate, at the same time. See docs/internals/reliability.md.
import { type ChaosResult, runChaos } from "./chaos.ts";
import { printCounts } from "../shared/counts.ts";
import { toMemoryLine } from "./growth.ts";
import { type ChaosOptions, USAGE, parseOptions } from "./options.ts";

const options = parseOptions(process.argv.slice(2));
if (options === undefined) console.log(USAGE);
else {
  console.log(`chaos: seed ${options.seed}, ${options.clients} clients, ${options.seconds} s`);
  const result = await runChaos(options, (line) => console.log(`  ${line}`));
  report(options, result);
  process.exitCode = result.ledger.violations.length === 0 ? 0 : 1;
}
process.exit();

function report({ seed }: ChaosOptions, { ledger, seconds, memory }: ChaosResult): void {
  printCounts(ledger.counts);
  // Violations without an exchange come first, because they are the most serious: headgate may have ended.
  const violations = ledger.violations.toSorted(
    (a, b) => b.what.length * Number(b.id === "") - a.what.length * Number(a.id === ""),
  );
  // One violation of each kind comes first, because a rare kind tells more than a frequent one.
  const kindOf = ({ what }: { readonly what: string }): string =>
    what.replaceAll(/[\w-]*\d[\w-]*/g, "N");
  const kinds = [...new Map(violations.toReversed().map((one) => [kindOf(one), one])).values()];
  const others = violations.filter((one) => !kinds.includes(one));
  for (const { what, trace } of [...kinds.toReversed(), ...others].slice(0, 20))
    console.log(
      `VIOLATION (seed ${seed}): ${what}\n${trace.map((line) => `    ${line}`).join("\n")}`,
    );
  if (memory === undefined) console.log("  memory is not judged: headgate was not warm");
  else for (const measured of [memory.warm, memory.end]) console.log(`  ${toMemoryLine(measured)}`);
  console.log(`  ${seconds.toFixed(0)} s, ${ledger.begun()} requests`);
  console.log(`${ledger.ended()} passed, ${ledger.violations.length} failed`);
}
