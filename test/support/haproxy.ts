/** Starts Debian's HAProxy, with the page that tells what its checks found. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { createFolder, findAddress, startBackend } from "./real.ts";
import type { Cleanup } from "./wire.ts";

/** A running HAProxy. */
export interface Haproxy {
  /** The result of the check of a backend's server `one`, once there is one: `L7OK`, `L4TOUT`, … */
  checkStatus(backend: string): Promise<string>;
}

/** Starts HAProxy with these sections of its configuration. */
export async function startHaproxy(t: Cleanup, sections: string): Promise<Haproxy> {
  const place = await findAddress();
  const file = join(createFolder(t), "haproxy.cfg");
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 10s
  timeout client 10s
  timeout server 10s
  timeout check 60s
frontend stats
  bind ${place.authority}
  stats enable
  stats uri /
${sections}\n`,
  );
  await startBackend(t, { command: ["haproxy", "-db", "-f", file], address: place });
  return {
    async checkStatus(backend) {
      for (;;) {
        const csv = await (await fetch(`${place.url}/;csv`)).text();
        const [names = [], ...rows] = csv
          .split("\n")
          .map((line) => line.replace("# ", "").split(","));
        const row = rows.find(([name, server]) => name === backend && server === "one") ?? [];
        const status = row[names.indexOf("check_status")] ?? "";
        if (!/^(?:INI|\* |$)/.test(status)) return status;
        await delay(50);
      }
    },
  };
}
