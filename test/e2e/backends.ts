/** Real backends as commands, for a server on any address. */

import { fileURLToPath } from "node:url";

import { compileFiles } from "../../scripts/compile.mjs";
import { type Backend, type ServerAddress, createFolder } from "../support/real.ts";
import type { Cleanup } from "../support/wire.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Python then writes nothing into the repository. */
export const PYTHON_ENV: NodeJS.ProcessEnv = { PYTHONDONTWRITEBYTECODE: "1" };

/** One of the WSGI applications of python_apps.py, on Debian's gunicorn. */
export function toGunicorn(t: Cleanup, address: ServerAddress, app: string): Backend {
  const temporary = ["--worker-tmp-dir", createFolder(t)];
  return {
    command: [
      "/usr/bin/gunicorn",
      "--bind",
      address.authority,
      ...temporary,
      `python_apps:${app}()`,
    ],
    address,
    env: PYTHON_ENV,
    cwd: HERE,
  };
}

/** The FastAPI of app.py, on uvicorn. */
export function toUvicorn(python: string, { host, port }: ServerAddress): Backend["command"] {
  const place = ["--host", host, "--port", String(port), "--app-dir", HERE];
  return [python, "-m", "uvicorn", "app:app", ...place, "--no-access-log", "--no-use-colors"];
}

/** One of the applications of node-apps.ts. */
export async function toNodeApp(name: string, address: ServerAddress): Promise<Backend> {
  const [program = ""] = await compileFiles(["test/e2e/node-apps-process.ts"]);
  const { host, port } = address;
  return { command: [process.execPath, program, name, host, String(port)], address };
}
