/** Starts Debian's apache2 with its own folder, modules and configuration. */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { createFolder, findAddress, type ServerAddress, startBackend } from "./real.ts";
import type { Cleanup } from "./wire.ts";

/** A running apache2. */
export interface Apache {
  /** Holds `www`, the document root; apache may write to all of it. */
  readonly folder: string;
  readonly url: string;
}

/** The options of an apache2. */
export interface ApacheOptions {
  readonly modules: readonly string[];
  /** The rest of its configuration; `prepare` runs before. */
  readonly config: (folder: string, place: ServerAddress) => string;
  readonly prepare?: (folder: string) => void;
}

const BASE = ["mpm_event", "authn_core", "authz_core", "dir", "mime", "alias", "env"];

/** Starts it on a free port. */
export async function startApache(t: Cleanup, options: ApacheOptions): Promise<Apache> {
  const folder = createFolder(t);
  const place = await findAddress();
  mkdirSync(join(folder, "www"));
  options.prepare?.(folder);
  const lines = [
    `ServerRoot ${folder}`,
    "ServerName localhost",
    `Listen ${place.authority}`,
    `PidFile ${join(folder, "pid")}`,
    `ErrorLog ${join(folder, "errors")}`,
    "TypesConfig /dev/null",
    "AddType text/plain .txt",
    `DocumentRoot ${join(folder, "www")}`,
    ...[...BASE, ...options.modules].map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    ),
    `<Directory ${folder}>`,
    "  Require all granted",
    "</Directory>",
    options.config(folder, place),
  ];
  // An apache started by root runs as another user, which needs the folder.
  if (process.getuid?.() === 0) {
    lines.unshift("User www-data", "Group www-data");
    execFileSync("chown", ["-R", "www-data:www-data", folder]);
  }
  const file = join(folder, "httpd.conf");
  writeFileSync(file, `${lines.join("\n")}\n`);
  await startBackend(t, { command: ["apache2", "-f", file, "-DFOREGROUND"], address: place });
  return { folder, url: place.url };
}
