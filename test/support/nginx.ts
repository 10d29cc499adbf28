/** Starts Debian's nginx with its own folder and configuration. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  type Backend,
  type ServerAddress,
  createFolder,
  findAddress,
  startBackend,
} from "./real.ts";
import type { Cleanup } from "./wire.ts";

/** A running nginx. */
export interface Nginx {
  /** The document root. */
  readonly root: string;
  /** Without a trailing slash. */
  readonly url: string;
  readonly authority: string;
}

/** Starts nginx on a free port; its server block has `listen`, `root` and then `server`. */
export async function startNginx(t: Cleanup, server = ""): Promise<Nginx> {
  const place = await findAddress();
  const { root, command } = writeNginx(t, place, server);
  await startBackend(t, { command, address: place });
  return { root, url: place.url, authority: place.authority };
}

/** Writes nginx's folder and configuration, and returns its document root and the command that starts it. */
export function writeNginx(
  t: Cleanup,
  place: ServerAddress,
  server = "",
): { readonly root: string; readonly command: Backend["command"] } {
  const folder = createFolder(t);
  const root = join(folder, "www");
  mkdirSync(root);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/errors;
    events {}
    http {
      ${temporary.join(" ")}
      access_log off;
      types { text/plain txt; text/html html; }
      server {
        listen ${place.authority};
        root ${root};
        ${server}
      }
    }\n`,
  );
  return { root, command: ["nginx", "-c", file, "-e", join(folder, "errors")] };
}
