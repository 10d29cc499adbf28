/** One of the applications of node-apps.ts as a process: `node FILE NAME HOST PORT`. */

import { createServer } from "node:http";

import { createExpress, createFastify } from "./node-apps.ts";

const [name, host = "", port] = process.argv.slice(2);
if (name === "express") createServer(createExpress()).listen(Number(port), host);
else await createFastify(false).listen({ host, port: Number(port) });
