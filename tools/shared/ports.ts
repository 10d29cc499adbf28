import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "./children.ts";

/** A port of 127.0.0.1 that was free a moment ago: nginx, HAProxy and Caddy cannot report the port they got for port 0. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when the child accepts connections on the port. Throws with the child's output if it ends or needs more than 10 s. */
export async function waitAccepting(child: Child, port: number, host = "127.0.0.1"): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await accepts(port, host))) {
    if (child.hasExited() || performance.now() > deadlineMs) {
      throw new Error(`it does not accept connections\n${child.output().slice(-2000)}`);
    }
    await delay(1);
  }
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
