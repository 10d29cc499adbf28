/** The real thing: the built bundle as a process of its own, told to believe nobody. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "../support/process.ts";
import type { Target } from "./rig.ts";
import { SCRIPTED } from "./verdict.ts";

/**
 * Scripted answers have connections of their own. They end them without a word, and whoever is sent on one just then has no answer:
 * a GET is sent again, but a POST may not be (RFC 9112 §9.5, RFC 9110 §9.2.2), so that it would fail by no fault of the proxy's.
 */
const toRoutes = (port: number): string => `listen: 127.0.0.1:0
admin: off
forwarded: { trust: [] }
log: { fields: [error.type, exception.stacktrace, client.address] }
upstream: { url: "http://127.0.0.1:${port}", connectTimeout: 60s }
upstreams:
  scripted: { url: "http://127.0.0.1:${port}", connectTimeout: 60s }
routes:
  - { path: "${SCRIPTED}*", upstream: scripted }
`;

/** Starts headgate before an upstream port. */
export async function startHeadgate(upstreamPort: number): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-fuzz-"));
  const file = join(folder, "routes.yaml");
  writeFileSync(file, toRoutes(upstreamPort));
  const ends: (() => void | Promise<void>)[] = [];
  const child = startProcess({ after: (end) => void ends.push(end) }, ["run", "--config", file]);
  const [, port = ""] = await child.printed(/"listening on http:\/\/127\.0\.0\.1:(\d+)/);
  let isOver = false;
  void child.exited.then(() => (isOver = true));
  return {
    port: Number(port),
    complaint() {
      if (isOver) return `headgate ended: ${child.stderr().slice(-2000)}`;
      const error = child
        .stdout()
        .split("\n")
        .find((line) => line.includes('"level":"error"'));
      return error ?? (child.stderr() === "" ? undefined : child.stderr().slice(-2000));
    },
    async stop() {
      for (const end of ends) await end();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
